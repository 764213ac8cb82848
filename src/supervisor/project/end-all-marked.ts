import { AGENT_MARK, WRAPPER_MARK } from '../../domain/marks.ts';
import { endTree } from '../../process/index.ts';

const GRACE_MS = 2_000;

/**
 * Ends whatever of the project still bears one of its marks, the wrappers first: they would start again what is ended
 * below them.
 * @throws Error with the pids of what cannot be ended
 */
export async function endMarked(project: string): Promise<void> {
  const left: number[] = [];
  for (const name of [WRAPPER_MARK, AGENT_MARK]) {
    const { survivors } = await endTree({ roots: [], mark: { name, prefix: project }, graceMs: GRACE_MS });
    left.push(...survivors.map(({ pid }) => pid));
  }
  if (left.length > 0) throw new Error(`processes ${left.join(', ')} cannot be ended`);
}
