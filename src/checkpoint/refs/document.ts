import type { Checkpoint } from '../tree/types.ts';

/** What a checkpoint is told of outside: all but what it is brought back from. */
export function checkpointDocument(
  checkpoint: Checkpoint,
): Omit<Checkpoint, 'meta' | 'state' | 'damaged' | 'begunTask'> {
  const { meta: _meta, state: _state, damaged: _damaged, begunTask: _begunTask, ...document } = checkpoint;
  return document;
}
