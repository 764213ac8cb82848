import { REF, byAgentAndNumber, pinPrefix, refPrefix } from './checkpoint-commit.ts';
import { readList, readRefs } from './refs.ts';
import type { Checkpoint } from '../tree/types.ts';

/** From this many commits on they are read together, in one process over all refs. */
const MOST_SINGLE = 50;
/** How soon damage that comes after the first read is noticed. */
const REREAD_MS = 600_000;

/**
 * The checkpoints of a repository, for a program that needs them often. A commit never changes, so each is read once;
 * the refs are read every time.
 */
export class KnownCheckpoints {
  readonly #gitCommonDir: string;
  readonly #known = new Map<string, Checkpoint>();
  #since = 0;

  constructor(gitCommonDir: string) {
    this.#gitCommonDir = gitCommonDir;
  }

  /** The checkpoints of an agent by number; with null those of every agent that ever was, by agent and number. */
  async list(agent: string | null): Promise<Checkpoint[]> {
    const prefixes =
      agent === null ? ['refs/swarm/checkpoints/', 'refs/swarm/pins/'] : [refPrefix(agent), pinPrefix(agent)];
    const named = parseNames(await readRefs(this.#gitCommonDir, '%(refname) %(objectname)', prefixes));
    await this.#learn(
      named.filter(({ kind }) => kind === 'checkpoints'),
      prefixes,
      agent,
    );
    const pinned = new Set(named.flatMap(({ kind, name }) => (kind === 'pins' ? [name] : [])));
    const list: Checkpoint[] = [];
    for (const { kind, name, ref } of named) {
      const known = kind === 'checkpoints' ? this.#known.get(ref) : undefined;
      if (known !== undefined) list.push({ ...known, pinned: pinned.has(name) });
    }
    return list.sort(byAgentAndNumber);
  }

  async #learn(named: readonly Named[], prefixes: readonly string[], agent: string | null): Promise<void> {
    if (Date.now() - this.#since > REREAD_MS) {
      this.#known.clear();
      this.#since = Date.now();
    }
    const there = new Map(named.map(({ ref, oid }) => [ref, oid]));
    for (const [ref, { commit, agent: owner }] of this.#known)
      if ((agent === null || owner === agent) && there.get(ref) !== commit) this.#known.delete(ref);
    const fresh = named.flatMap(({ ref }) => (this.#known.has(ref) ? [] : [ref]));
    if (fresh.length === 0) return;
    const asked = fresh.length > MOST_SINGLE ? prefixes : fresh;
    for (const checkpoint of await readList(this.#gitCommonDir, asked, agent))
      this.#known.set(checkpoint.ref, checkpoint);
  }
}

interface Named {
  kind: string;
  /** `<agent>/<n>` */
  name: string;
  ref: string;
  oid: string;
}

/** Lines of `<ref> <oid>`. */
function parseNames(output: string): Named[] {
  return output.split('\n').flatMap((line) => {
    const [ref = '', oid = ''] = line.split(' ');
    const [, kind, owner = '', number = ''] = REF.exec(ref) ?? [];
    return kind === undefined ? [] : [{ kind, name: `${owner}/${number}`, ref, oid }];
  });
}
