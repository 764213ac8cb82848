import { createHash } from 'node:crypto';
import { glob, lstat, readlink, stat } from 'node:fs/promises';
import path from 'node:path';
import { outsideOf } from '../config/leads-outside.ts';
import type { WorktreeSetup } from '../coordination/link.ts';
import { end, targetOf } from './setup-links.ts';

/** To be raised when a set-up does something else with the same settings. */
const VERSION = 1;

/**
 * The files that the settings name in the person's checkout now: paths below it, `/` between parts, none below another.
 */
export interface Sources {
  copy: string[];
  link: string[];
  /** Notes for people: entries that match no file. */
  missing: string[];
  /** Notes for people: links that lead out of the repository, and are left out, or nowhere. */
  links: string[];
  /** Digest of the settings, of the matching names, and of size and time of single files to copy. */
  hash: string;
}

/**
 * Finds the files that the settings name.
 * @param skip where the worktrees lie: matches there are not the person's files
 */
export async function findSources(root: string, skip: string, settings: WorktreeSetup): Promise<Sources> {
  const missing: string[] = [];
  const links: string[] = [];
  const find = async (key: 'copy' | 'link'): Promise<string[]> => {
    const found = new Set<string>();
    for (const entry of settings[key]) {
      const matches = await matchesOf(root, skip, entry);
      if (matches.length === 0) missing.push(`${key}: there is no ${entry} in ${root}`);
      for (const match of matches) {
        const place = await outsideOf(root, key, match);
        if (place === null) found.add(match);
        else links.push(`${key}: ${match} leads out of the repository, to ${place}, so it is left out`);
        const nowhere = await leadsNowhere(path.join(root, match));
        if (nowhere !== null) links.push(`${key}: ${match} leads nowhere: there is no ${nowhere}`);
      }
    }
    return outermost([...found]);
  };
  const [copy, link] = [await find('copy'), await find('link')];
  const looks = await Promise.all(copy.map((name) => lookOf(root, name)));
  const { copy: _copy, link: _link, timeoutMs: _timeout, ...rest } = settings;
  const hash = createHash('sha256')
    .update(JSON.stringify([VERSION, rest, settings.copy, settings.link, link, looks]))
    .digest('hex');
  return { copy, link, missing, links: [...new Set(links)], hash };
}

async function matchesOf(root: string, skip: string, entry: string): Promise<string[]> {
  const pattern = entry.replace(/\/+$/, '');
  const found: string[] = [];
  for await (const match of glob(pattern, { cwd: root })) {
    const place = path.join(root, match);
    const isOurs = place === skip || place.startsWith(`${skip}${path.sep}`);
    const name = path.relative(root, place).split(path.sep).join('/');
    if (!isOurs && name !== '' && !name.startsWith('../') && name !== '..' && name.split('/')[0] !== '.git') {
      found.push(name);
    }
  }
  return found.sort();
}

/** The names that do not lie below another of them. Pure. */
export function outermost(names: readonly string[]): string[] {
  const kept = new Set<string>();
  for (const name of [...names].sort((a, b) => a.length - b.length || (a < b ? -1 : 1))) {
    const parents = name.split('/').map((_, at, parts) => parts.slice(0, at).join('/'));
    if (!parents.some((parent) => kept.has(parent))) kept.add(name);
  }
  return [...kept].sort();
}

/**
 * What changes when a source changes. A folder's contents are not looked at: a large one would be read at each start.
 */
async function lookOf(root: string, name: string): Promise<(string | number)[]> {
  const file = path.join(root, name);
  const there = await lstat(file);
  if (there.isFile()) return [name, there.size, there.mtimeMs];
  if (!there.isSymbolicLink()) return [name];
  const place = await end(file);
  const named = place === null ? null : await stat(place);
  return [name, await readlink(file), ...(named?.isFile() === true ? [named.size, named.mtimeMs] : [])];
}

/** The place that is missing at the end of a link; null: it is there, or this is no link. */
async function leadsNowhere(file: string): Promise<string | null> {
  return (await lstat(file)).isSymbolicLink() && (await end(file)) === null ? await targetOf(file) : null;
}
