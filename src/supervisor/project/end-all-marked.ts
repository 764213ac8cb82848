import { AGENT_MARK, WRAPPER_MARK } from '../../domain/marks.ts';
import { endTree } from '../../process/index.ts';

const GRACE_MS = 2_000;

/**
 * Ends every process with one of the project's marks, the wrappers first: they would start ended agents again.
 * @throws Error with the pids of survivors
 */
export async function endMarked(project: string): Promise<void> {
  const left: number[] = [];
  for (const name of [WRAPPER_MARK, AGENT_MARK]) {
    const { survivors } = await endTree({ roots: [], mark: { name, prefix: project }, graceMs: GRACE_MS });
    left.push(...survivors.map(({ pid }) => pid));
  }
  if (left.length > 0) throw new Error(`processes ${left.join(', ')} cannot be ended`);
}
