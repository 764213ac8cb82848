import { SwarmError } from '../../domain/errors.ts';
import { unknownAgent } from '../../domain/unknown-agent.ts';
import type { OperationTable } from '../../store/operations.ts';
import type { AgentRecord } from '../project/agent-record.ts';
import type { Fleet } from './fleet.ts';

export interface AgentNamesDeps {
  fleet: Pick<Fleet, 'get' | 'records'>;
  store: { operations: Pick<OperationTable, 'lastDone'> };
}

/** Finds agents by the names that people and programs use. */
export class AgentNames {
  readonly #deps: AgentNamesDeps;

  constructor(deps: AgentNamesDeps) {
    this.#deps = deps;
  }

  /** @throws SwarmError `unknown-agent` */
  agent(id: string): AgentRecord {
    const record = this.#deps.fleet.get(id);
    if (record === undefined) throw this.unknown(id);
    return record;
  }

  /** The error for an unknown name. @param others names that would do as well, beside those of the existing agents */
  unknown(id: string, others: readonly string[] = []): SwarmError {
    const { fleet, store } = this.#deps;
    // A name with an undoable operation is that of a removed agent.
    if (store.operations.lastDone(id) !== undefined) {
      return new SwarmError('unknown-agent', `${id} was removed`, {
        hint: `\`swarm undo ${id}\` brings it back; \`swarm checkpoint ls ${id}\` lists its checkpoints.`,
        exitCode: 2,
      });
    }
    return unknownAgent(id, [...fleet.records.map((record) => record.id), ...others]);
  }
}
