import type { Logger } from 'pino';
import type { StatusDocument } from '../../api/status/schemas.ts';
import type { SwarmError } from '../../domain/errors.ts';
import type { Store } from '../../store/store.ts';
import type { EventLog } from '../project/event-log.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Project } from '../project/project.ts';
import { Refresh } from './restart-outdated.ts';
import type { ReloadPlan } from './reload-plan.ts';
import { Settings, type FirstSettings } from './settings.ts';
import { settingsKey } from '../fleet/agent-spec.ts';

export interface SettingsDeskDeps {
  project: Project;
  settings: FirstSettings;
  store: Store;
  log: Logger;
  events: EventLog;
  fleet: Fleet;
  buildId: string;
  /** Carries out those changes that are not just read at their next use. */
  applied(plan: ReloadPlan): Promise<void>;
}

/** A changed swarm.yaml, from the file to the agents. */
export class SettingsDesk {
  readonly #settings: Settings;
  readonly #refresh: Refresh;
  readonly #log: Logger;

  constructor(deps: SettingsDeskDeps) {
    const { project, settings, fleet, log } = deps;
    const { config, layout } = project;
    this.#log = log;
    this.#settings = new Settings({ ...deps, ...settings, config, place: layout, now: () => Date.now() });
    const keyOf = (name: string): string | null => {
      const role = config.agents[name];
      return role === undefined ? null : settingsKey(role, config);
    };
    this.#refresh = new Refresh({ ...deps, fleet, keyOf });
  }

  /** Once a second. */
  tick(): void {
    this.#settings
      .tick()
      .catch((error: unknown) => this.#log.error({ err: error }, 'swarm.yaml could not be looked at'));
    this.#refresh.tick();
  }

  close(): Promise<void> {
    return this.#settings.close();
  }

  /**
   * Puts the present file in force, since a person has just said `up`; returns notes for that person.
   * @throws SwarmError that names the fault of the file
   */
  async agreed(): Promise<string[]> {
    await this.#settings.reload({ agreed: true });
    const { refused } = this.#settings;
    if (refused !== null) throw refused;
    const { later } = this.document();
    return later.length === 0
      ? []
      : [`${later.join(', ')} of swarm.yaml: counts from the next \`swarm down\` and \`swarm up\` on`];
  }

  get refused(): SwarmError | null {
    return this.#settings.refused;
  }

  document(): NonNullable<StatusDocument['config']> {
    return this.#settings.document(this.#refresh.outdated.map(({ id }) => id));
  }
}
