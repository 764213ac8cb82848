import { SwarmError } from '../domain/errors.ts';

/** Something that bears this mark lives on after SIGKILL, as a process that hangs in the kernel. */
export class SurvivorsError extends SwarmError {
  readonly mark: string;

  constructor(mark: string, pids: readonly number[]) {
    super('survivors', `processes of ${mark} cannot be ended: ${pids.join(', ')}`, {
      hint: 'End them by hand; until then nothing new is started here.',
    });
    this.mark = mark;
  }
}
