import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from 'pino';
import type { StatusDocument } from '../../api/status/schemas.ts';
import { CONFIG_FILE, configOf, isApproved, readConfigText, type Config } from '../../config/index.ts';
import { SwarmError } from '../../domain/errors.ts';
import { KeyedMutex } from '../../lib/mutex.ts';
import { watchPath, type PathWatch } from '../../lib/watch.ts';
import type { Store } from '../../store/store.ts';
import type { EventLog } from '../project/event-log.ts';
import { readBase } from '../project/project.ts';
import { planReload, widenings, type ReloadPlan } from './reload-plan.ts';

const LANE = 'reload';
/**
 * How long an absent or empty file is taken for one that is being replaced, ms, by an editor or by a checkout under
 * way.
 */
const EMPTY_PATIENCE_MS = 3_000;
/** How often the file is looked at without an event, ms: a watch may miss a change. */
const LOOK_MS = 10_000;

export interface Place {
  root: string;
  stateDir: string;
}

/** The settings with which a supervisor begins. */
export interface FirstSettings {
  config: Config;
  version: string | null;
  /** Why the present file is not in force, and the earlier settings are; null: it is in force. */
  refused: SwarmError | null;
}

/**
 * The settings of the file, where it is correct and approved; else those that were last in force.
 * @throws SwarmError that names the fault of the file, where none was ever in force
 */
export async function firstSettings(place: Place, store: Store): Promise<FirstSettings> {
  const last = store.notes.get('swarm.config.text');
  const isUp = store.notes.get('swarm.desired') === 'up';
  try {
    const text = await readConfigText(place.root);
    const config = await configOf(text, place.root);
    if (last !== undefined) refuseUnapproved(config, place);
    // A person who starts a swarm that was down has agreed by `up`.
    if (last !== undefined && isUp) refuseWider(await configOf(last.text, place.root), config, place);
    await store.write(() => store.notes.set('swarm.config.text', { text }));
    return { config, version: versionOf(text), refused: null };
  } catch (error) {
    if (!(error instanceof SwarmError) || last === undefined) throw error;
    const config = await configOf(last.text, place.root).catch(() => {
      // The stored text is of an older version of swarm: the fault of the present file is of more use.
      throw error;
    });
    return { config, version: versionOf(last.text), refused: error };
  }
}

function refuseUnapproved(config: Config, place: Place): void {
  if (isApproved(config, place)) return;
  throw new SwarmError('not-approved', `${path.join(place.root, CONFIG_FILE)} names programs that are not approved`, {
    hint: 'Read them, then run `swarm up`: it shows them and asks.',
  });
}

function refuseWider(current: Config, next: Config, place: Place): void {
  const more = widenings(current, next);
  if (more.length === 0) return;
  throw new SwarmError(
    'not-approved',
    `${path.join(place.root, CONFIG_FILE)} lets agents do more without asking (${more.join('; ')})`,
    { hint: 'If you want that, run `swarm up`: it restarts no agent at work.' },
  );
}

/** The name that git gives the file's content: `git show` knows it once it is committed. */
function versionOf(text: string | null): string | null {
  if (text === null) return null;
  return createHash('sha1')
    .update(`blob ${Buffer.byteLength(text)}\0`)
    .update(text)
    .digest('hex')
    .slice(0, 10);
}

export interface SettingsDeps extends FirstSettings {
  place: Place;
  store: Store;
  log: Logger;
  events: EventLog;
  now(): number;
  /** Called when new settings are in force. */
  applied(plan: ReloadPlan): Promise<void>;
  watch?: typeof watchPath;
}

/**
 * The settings in force. `config` is the one object of settings of this supervisor: its sections are replaced when the
 * file has changed, so that code which reads them at each use has those in force.
 */
export class Settings {
  readonly config: Config;
  readonly #deps: SettingsDeps;
  readonly #lane = new KeyedMutex();
  #version: string | null;
  #since: number;
  #refused: SwarmError | null;
  #later: string[] = [];
  /** Signature of the file when it was read last, and when it was looked at last. */
  #read = '';
  #seen = { signature: '', since: 0 };
  #lookedAt = 0;
  /** The file may have changed since it was looked at last. */
  #stirred = true;
  readonly #watch: PathWatch;

  constructor(deps: SettingsDeps) {
    this.#deps = deps;
    this.config = deps.config;
    this.#version = deps.version;
    this.#refused = deps.refused;
    this.#since = deps.now();
    this.#watch = (deps.watch ?? watchPath)(this.#file, {
      changed: () => {
        this.#stirred = true;
      },
      failed: (error) => deps.log.warn({ err: error }, 'swarm.yaml is not watched, only looked at now and then'),
    });
  }

  get #file(): string {
    return path.join(this.#deps.place.root, CONFIG_FILE);
  }

  close(): Promise<void> {
    return this.#watch.close();
  }

  /** Why the present file is not in force; null: it is. */
  get refused(): SwarmError | null {
    return this.#refused;
  }

  document(outdated: string[]): NonNullable<StatusDocument['config']> {
    const refused = this.#refused;
    return {
      version: this.#version,
      since: new Date(this.#since).toISOString(),
      refused: refused === null ? null : { message: refused.message, hint: refused.hint ?? null },
      later: this.#later,
      outdated,
    };
  }

  /** Once a second: puts a changed file in force that is no longer being written. */
  async tick(): Promise<void> {
    const { now } = this.#deps;
    if (!this.#stirred && Math.abs(now() - this.#lookedAt) < LOOK_MS) return;
    this.#stirred = false;
    this.#lookedAt = now();
    const { signature, empty } = await look(this.#file);
    if (signature !== this.#seen.signature) this.#seen = { signature, since: now() };
    if (signature === this.#read) return;
    // Until it has been read.
    this.#stirred = true;
    const lasted = Math.abs(now() - this.#seen.since);
    if (lasted > (empty ? EMPTY_PATIENCE_MS : 0)) await this.reload({ agreed: false });
  }

  /**
   * Reads the file now.
   * @param agreed a person has just said `up` with the present file
   */
  async reload({ agreed }: { agreed: boolean }): Promise<void> {
    await this.#lane.run(LANE, () => this.#reload(agreed));
  }

  async #reload(agreed: boolean): Promise<void> {
    const { place } = this.#deps;
    const { signature } = await look(this.#file);
    let read: { text: string | null; version: string | null; plan: ReloadPlan };
    try {
      const text = await readConfigText(place.root);
      const version = versionOf(text);
      if (version === this.#version && this.#refused === null) {
        this.#read = signature;
        return;
      }
      read = { text, version, plan: await this.#planFor(text, agreed) };
    } catch (error) {
      if (!(error instanceof SwarmError)) throw error;
      this.#read = signature;
      this.#refuse(error);
      return;
    }
    this.#read = signature;
    await this.#apply(read);
  }

  /** @throws SwarmError why it cannot be put in force */
  async #planFor(text: string | null, agreed: boolean): Promise<ReloadPlan> {
    const { place } = this.#deps;
    const next = await configOf(text, place.root);
    refuseUnapproved(next, place);
    if (!agreed) refuseWider(this.config, next, place);
    if (next.base !== undefined && next.base !== this.config.base) await readBase(place.root, next.base);
    return planReload(this.config, next);
  }

  async #apply({
    text,
    version,
    plan,
  }: {
    text: string | null;
    version: string | null;
    plan: ReloadPlan;
  }): Promise<void> {
    const { store, log, events, now, applied } = this.#deps;
    const { changed, later } = plan;
    const news = version !== this.#version || this.#refused !== null;
    this.#refused = null;
    this.#later = later;
    this.#version = version;
    if (news) this.#since = now();
    await store
      .write(() => store.notes.set('swarm.config.text', { text }))
      .catch((error: unknown) => {
        // The next supervisor reads the file itself.
        log.warn({ err: error }, 'the settings in force could not be kept');
      });
    for (const key of Object.keys(this.config)) Reflect.deleteProperty(this.config, key);
    Object.assign(this.config, plan.config);
    if (news && (changed.length > 0 || later.length > 0)) {
      log.info({ version, changed, later }, 'swarm.yaml has changed');
      events.emit('config.applied', { data: { version, changed, later } });
    }
    if (changed.length > 0) await applied(plan);
  }

  #refuse(error: SwarmError): void {
    const known = this.#refused?.message === error.message;
    this.#refused = error;
    if (known) return;
    const { log, events } = this.#deps;
    log.warn({ detail: error.message }, 'swarm.yaml is not applied');
    events.emit('config.refused', { data: { code: error.code, detail: error.message, hint: error.hint ?? null } });
  }
}

async function look(file: string): Promise<{ signature: string; empty: boolean }> {
  try {
    const { ino, mtimeMs, size } = await stat(file);
    return { signature: `${ino} ${mtimeMs} ${size}`, empty: size === 0 };
  } catch (error) {
    // An unreadable file is reported when it is read.
    return { signature: `${(error as NodeJS.ErrnoException).code ?? 'unreadable'}`, empty: true };
  }
}
