import type { StatusDocument } from '../../api/status/schemas.ts';
import type { Config } from '../../config/index.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import type { Context } from '../project/context.ts';

/** The facts that checks use. */
export interface Patient {
  context: Context;
  uid: number;
  layout: ProjectLayout;
  /** The defaults where swarm.yaml is unusable. */
  config: Config;
  /** Null when no supervisor answers. */
  status: StatusDocument | null;
  /** True when a supervisor holds the project's lock. */
  locked: boolean;
}
