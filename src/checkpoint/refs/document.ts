import type { Checkpoint } from '../tree/types.ts';

/** A checkpoint for the API: without the ids from which it is restored. */
export function checkpointDocument(
  checkpoint: Checkpoint,
): Omit<Checkpoint, 'meta' | 'state' | 'damaged' | 'begunTask'> {
  const { meta: _meta, state: _state, damaged: _damaged, begunTask: _begunTask, ...document } = checkpoint;
  return document;
}
