import type { Logger } from 'pino';
import type { Store } from '../store/store.ts';
import type { Project } from './project/project.ts';
import type { FirstSettings } from './settings/settings.ts';

export interface SupervisorOptions {
  project: Project;
  settings: FirstSettings;
  store: Store;
  log: Logger;
  env: Record<string, string>;
  /** Takes over for git and tmux what the person's `up` has just written down. */
  renewEnvironment(): void;
  buildId: string;
  version: string;
  programs: { wrapper: string[]; supervisor: string[] };
  tmuxConf: string;
  /** Called when everything is down and closed. */
  onEnd(): void;
}
