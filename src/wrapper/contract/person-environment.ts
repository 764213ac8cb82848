import { readFileSync, statSync } from 'node:fs';
import * as z from 'zod';
import { environmentFor } from '../../domain/environment.ts';
import { errorText } from '../../domain/errors.ts';
import { readEnvSnapshot } from './spec.ts';

const snapshot = z.record(z.string(), z.string());

/**
 * The person's environment, as their last `swarm up` has written it down. What they renewed meanwhile (an agent of ssh,
 * a token) counts for the next process that is started.
 */
export class PersonEnvironment {
  readonly #file: string;
  /** Called with each environment that differs from the one before. */
  readonly #renewed: (env: Readonly<Record<string, string>>) => void;
  readonly #warn: (message: string) => void;
  #current: Readonly<Record<string, string>>;
  #version: string;

  /** @throws SwarmError `bad-spec` */
  static async open(
    file: string,
    listeners: { renewed(env: Readonly<Record<string, string>>): void; warn(message: string): void },
  ): Promise<PersonEnvironment> {
    const version = versionOf(file);
    return new PersonEnvironment(file, { version, env: await readEnvSnapshot(file) }, listeners);
  }

  private constructor(
    file: string,
    { version, env }: { version: string; env: Readonly<Record<string, string>> },
    listeners: { renewed(env: Readonly<Record<string, string>>): void; warn(message: string): void },
  ) {
    this.#file = file;
    this.#renewed = listeners.renewed;
    this.#warn = listeners.warn;
    this.#current = env;
    this.#version = version;
  }

  /** The environment of the processes that run now. */
  get current(): Readonly<Record<string, string>> {
    return this.#current;
  }

  /** The environment for a process that starts now. A file that is gone, or cannot be read, leaves the last one. */
  renew(): Readonly<Record<string, string>> {
    const version = versionOf(this.#file);
    if (version === this.#version || version === '') return this.#current;
    this.#version = version;
    try {
      this.#current = environmentFor('programs', snapshot.parse(JSON.parse(readFileSync(this.#file, 'utf8'))));
      this.#renewed(this.#current);
    } catch (error) {
      this.#warn(`${this.#file} cannot be read, the earlier one counts: ${errorText(error)}`);
    }
    return this.#current;
  }
}

/** Differs for each writing of the file, which replaces it whole; empty: it is gone. */
function versionOf(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false });
  return found === undefined ? '' : `${found.ino} ${found.mtimeMs} ${found.size}`;
}
