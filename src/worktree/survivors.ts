import { SwarmError } from '../domain/errors.ts';

/** Processes with this mark live on after SIGKILL, as one that hangs in the kernel does. */
export class SurvivorsError extends SwarmError {
  readonly mark: string;

  constructor(mark: string, pids: readonly number[]) {
    super('survivors', `processes of ${mark} cannot be ended: ${pids.join(', ')}`, {
      hint: 'End them by hand; until then nothing new is started here.',
    });
    this.mark = mark;
  }
}
