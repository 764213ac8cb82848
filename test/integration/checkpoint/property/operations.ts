import { execFile, spawnSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type { World } from '../world.ts';
import type { Random } from './random.ts';
import { installLfs, lfsProgram } from './lfs.ts';

export interface Place extends World {
  random: Random;
  gitDir: string;
  /** Git processes that work side by side with the test; to be waited for. */
  beside: Promise<unknown>[];
}

/** One random edit. False: it could not be done in this state, and does not count. */
export type Operation = (place: Place) => boolean | void;

const full = ({ worktree }: Place, name: string): string => path.join(worktree, name);
const text = ({ random }: Place): string =>
  Array.from({ length: 1 + random.below(6) }, () => `line ${random.below(1_000)}\n`).join('');

/**
 * Files that other edits leave alone: they are observed in a way of their own. Of many files the first hundred are like
 * any others.
 */
const SET_APART = /^(\.git|ignored|nested|huge|closed|library|many\/[1-9])/;

/** Files at hand that an edit may hit, tracked or not. */
function files(place: Place): string[] {
  const found: string[] = [];
  const visit = (directory: string): void => {
    for (const entry of readdirSync(full(place, directory), { withFileTypes: true })) {
      const name = directory === '' ? entry.name : `${directory}/${entry.name}`;
      if (SET_APART.test(name) || name.includes('\uFFFD')) continue;
      if (entry.isDirectory()) visit(name);
      else if (entry.isFile()) found.push(name);
    }
  };
  visit('');
  return found;
}

const some = (place: Place): string | null => {
  const all = files(place);
  return all.length === 0 ? null : place.random.pick(all);
};

function someDirectory(place: Place): string | null {
  const directories = readdirSync(place.worktree, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && !/^(\.git|ignored|nested|library|many)/.test(entry.name),
  );
  return directories.length === 0 ? null : place.random.pick(directories).name;
}

const onFile =
  (work: (place: Place, name: string) => boolean | void): Operation =>
  (place) => {
    const name = some(place);
    return name === null ? false : work(place, name);
  };

const ok = (place: Place, ...args: string[]): boolean => place.repository.tryGit(args, place.worktree).code === 0;
/** Adds everything. Git itself would take in two gigabytes, and refuse everything for a repository without a commit. */
const stage = (place: Place): boolean =>
  ok(place, 'add', '--sparse', '-A', '--', '.', ':!huge*', ':!nested-bare', ':!closed*');
const PICKS = ['CHERRY_PICK_HEAD', 'REVERT_HEAD'];
export const underWay = (place: Place): boolean =>
  ['MERGE_HEAD', ...PICKS, 'rebase-merge', 'rebase-apply'].some((name) => existsSync(path.join(place.gitDir, name))) ||
  (existsSync(path.join(place.gitDir, 'reftable')) &&
    PICKS.some((name) => ok(place, 'rev-parse', '-q', '--verify', name)));

/** Makes a history that conflicts: two commits to one file on two branches, nothing else in the way. */
function conflict(place: Place, then: (other: string, own: string) => boolean): boolean {
  if (underWay(place)) return false;
  const id = place.random.below(1_000_000);
  if (!stage(place) || !ok(place, 'commit', '-q', '--allow-empty', '-m', `before ${id}`)) return false;
  const start = place.git('rev-parse', 'HEAD');
  const commit = (content: string): string => {
    writeFileSync(full(place, 'conflict.txt'), content);
    place.git('add', '-f', 'conflict.txt');
    place.git('commit', '-q', '-m', content.trim());
    return place.git('rev-parse', 'HEAD');
  };
  // Also for a link that leads nowhere.
  if (lstatSync(full(place, 'conflict.txt'), { throwIfNoEntry: false })?.isFile() === false) return false;
  const other = commit(`theirs ${id}\n`);
  place.git('reset', '-q', '--hard', start);
  const own = commit(`ours ${id}\n`);
  then(other, own);
  return underWay(place);
}

/** The features that the capture list names. */
export const FEATURES: Record<string, Operation> = {
  'tracked edit': onFile((place, name) => writeFileSync(full(place, name), text(place))),
  'untracked file': (place) => place.write({ [`new/${place.random.below(50)}.txt`]: text(place) }),
  'deleted file': onFile((place, name) => unlinkSync(full(place, name))),
  'executable bit': onFile((place, name) =>
    chmodSync(full(place, name), (lstatSync(full(place, name)).mode & 0o777) ^ 0o111),
  ),
  'odd mode': onFile((place, name) => chmodSync(full(place, name), place.random.pick([0o600, 0o640, 0o444, 0o755]))),
  'mode of a directory': (place) => {
    mkdirSync(full(place, 'dir/closed'), { recursive: true });
    place.write({ 'dir/closed/f.txt': text(place) });
    chmodSync(full(place, 'dir/closed'), place.random.pick([0o700, 0o750, 0o755]));
  },
  'symbolic link': (place) => {
    const name = full(place, `link-${place.random.below(5)}`);
    rmSync(name, { force: true, recursive: true });
    symlinkSync(place.random.pick(['readme.txt', 'dir', '../outside', 'nowhere at all']), name);
  },
  'empty directory': (place) =>
    void mkdirSync(full(place, `hollow/${place.random.below(4)}/${place.random.below(4)}`), { recursive: true }),
  'staged apart from the working state': onFile((place, name) => {
    writeFileSync(full(place, name), text(place));
    if (!ok(place, 'add', '--', name)) return false;
    writeFileSync(full(place, name), text(place));
    return true;
  }),
  'staged, then deleted': onFile((place, name) => {
    writeFileSync(full(place, name), text(place));
    if (!ok(place, 'add', '--', name)) return false;
    unlinkSync(full(place, name));
    return true;
  }),
  'taken out of the index': onFile((place, name) => ok(place, 'rm', '-q', '-f', '--cached', '--', name)),
  'intent to add': (place) => {
    const name = `intent-${place.random.below(20)}.txt`;
    place.write({ [name]: text(place) });
    return ok(place, 'add', '-N', '--', name);
  },
  'everything staged': (place) => stage(place),
  'a commit': (place) => stage(place) && ok(place, 'commit', '-q', '--allow-empty', '-m', 'on'),
  'another branch': (place) => !underWay(place) && ok(place, 'checkout', '-q', '-b', `b${place.random.below(1e9)}`),
  'another task': (place) => {
    const begun = place.random.chance(0.8);
    if (begun) writeFileSync(path.join(place.gitDir, 'swarm-task'), `t${place.random.below(50)} 0\n`);
    else rmSync(path.join(place.gitDir, 'swarm-task'), { force: true });
  },
  'detached HEAD': (place) => !underWay(place) && ok(place, 'checkout', '-q', '--detach'),
  'a reset': (place) => ok(place, 'reset', '-q', place.random.pick(['--soft', '--mixed', '--hard']), 'HEAD'),
  'unfinished merge': (place) => conflict(place, (other) => ok(place, 'merge', other)),
  'unfinished rebase': (place) => conflict(place, (other) => ok(place, 'rebase', other)),
  'unfinished rebase with an autostash': (place) =>
    conflict(place, (other) => {
      writeFileSync(full(place, 'readme.txt'), text(place));
      if (place.random.chance(0.5)) ok(place, 'add', '-f', 'readme.txt');
      const done = ok(place, place.random.pick(['rebase', 'merge']), '--autostash', other);
      // A collection before the first capture takes it away, and git writes no reftable that names what is gone.
      if (existsSync(path.join(place.gitDir, 'reftable'))) ok(place, 'update-ref', 'refs/stays', 'MERGE_AUTOSTASH');
      return done;
    }),
  'unfinished bisect': (place) =>
    !existsSync(path.join(place.gitDir, 'BISECT_START')) && ok(place, 'bisect', 'start') && ok(place, 'bisect', 'bad'),
  'unfinished cherry-pick': (place) => conflict(place, (other) => ok(place, 'cherry-pick', other)),
  'unfinished revert': (place) =>
    conflict(place, () => {
      const first = place.git('rev-parse', 'HEAD');
      writeFileSync(full(place, 'conflict.txt'), 'after\n');
      place.git('commit', '-qam', 'after');
      return ok(place, 'revert', '--no-edit', first);
    }),
  'operation given up': (place) => {
    if (!underWay(place)) return false;
    return ['merge', 'rebase', 'cherry-pick', 'revert'].some((verb) => ok(place, verb, '--abort'));
  },
  'nested repository': (place) => {
    const name = `nested-${place.random.below(3)}`;
    if (existsSync(full(place, name))) return true;
    place.git('init', '-q', name);
    place.repository.git(
      ['-c', 'user.name=n', '-c', 'user.email=n@x', 'commit', '-q', '--allow-empty', '-m', 'n'],
      full(place, name),
    );
    return true;
  },
  submodule: (place) => {
    if (!existsSync(full(place, 'library/.git'))) return false;
    const library = full(place, 'library');
    if (place.random.chance(0.4)) writeFileSync(path.join(library, 'lib.txt'), text(place));
    if (place.random.chance(0.4)) {
      const person = ['-c', 'user.name=n', '-c', 'user.email=n@x'];
      place.repository.git([...person, 'commit', '-q', '-a', '--allow-empty', '-m', 'on'], library);
    }
    return true;
  },
  'a name like a key': (place) =>
    place.write({ [place.random.pick(['.env', '.env.local', 'deploy/id_rsa', 'server.pem'])]: text(place) }),
  'ignored files': (place) => place.write({ 'ignored/cache.bin': text(place), 'x.not-ignored': text(place) }),
  'left out for its size': (place) => place.write({ 'huge.bin': Buffer.alloc(300_000, place.random.below(256)) }),
  'by the shell': (place) => {
    const script = place.random.pick([
      'echo $RANDOM >> readme.txt; mkdir -p sh && cp readme.txt sh/copy.txt',
      'find . -name "many" -prune -o -name "*.txt" -not -path "./.git*" -not -path "./nested*" -not -path "./library*" -print | head -2 | xargs -r sed -i s/line/LINE/',
      'rm -rf new; mkdir new; for i in 1 2 3; do echo $i > new/$i.txt; done',
    ]);
    // A script may fail half way, as those of agents do.
    spawnSync('bash', ['-c', script], { cwd: place.worktree, stdio: 'ignore' });
  },
};

const raw = (place: Place, ...parts: (string | number[])[]): Buffer =>
  Buffer.concat([Buffer.from(`${place.worktree}/`), ...parts.map((part) => Buffer.from(part as string))]);

/** The bad input that the list names, as far as it can be made in a worktree that lives on. */
export const BAD_INPUT: Record<string, Operation> = {
  'line break in a name': (place) => place.write({ [`a\nb${place.random.below(5)}.txt`]: text(place) }),
  'bytes that are no UTF-8': (place) =>
    writeFileSync(raw(place, 'not-', [0xff, 0xfe, 0x80 + place.random.below(9)]), text(place)),
  'dashes, quotes and blanks': (place) =>
    place.write({
      [place.random.pick(['-rf', '--', ' lead', '"q".txt', ':(top)x', '*.txt', 'tab\there'])]: text(place),
    }),
  'only the case of a name changes': onFile((place, name) => {
    const other = path.join(path.dirname(name), path.basename(name).toUpperCase());
    if (other === name || existsSync(full(place, other))) return false;
    renameSync(full(place, name), full(place, other));
    return true;
  }),
  'a file becomes a directory': onFile((place, name) => {
    unlinkSync(full(place, name));
    place.write({ [`${name}/inside/deep.txt`]: text(place) });
  }),
  'a directory becomes a file': (place) => {
    const name = someDirectory(place);
    if (name === null) return false;
    rmSync(full(place, name), { recursive: true });
    writeFileSync(full(place, name), text(place));
    return true;
  },
  'a directory becomes a link': (place) => {
    const name = someDirectory(place);
    if (name === null) return false;
    const other = someDirectory(place) ?? name;
    rmSync(full(place, name), { recursive: true });
    symlinkSync(place.random.pick([name, other, '.', '../outside']), full(place, name));
    return true;
  },
  'a link becomes a directory': (place) => {
    const links = readdirSync(place.worktree, { withFileTypes: true }).filter((entry) => entry.isSymbolicLink());
    if (links.length === 0) {
      // For the next case, when a checkpoint holds it.
      symlinkSync('dir', full(place, 'link-0'));
      return false;
    }
    const { name } = place.random.pick(links);
    unlinkSync(full(place, name));
    mkdirSync(full(place, `${name}/deep/hollow`), { recursive: true });
    if (place.random.chance(0.7)) place.write({ [`${name}/a.txt`]: text(place), [`${name}/deep/b.txt`]: text(place) });
    return true;
  },
  'line endings': (place) =>
    place.write({
      'mixed.txt': `a\r\nb\n${text(place)}`,
      'dos.crlf': `x\ny\r\n${text(place)}`,
      'binary.bin': Buffer.from([0, 13, 10, place.random.below(256)]),
    }),
  'clean and smudge filters': (place) => {
    installLfs(place.repository);
    place.write({ 'shout.up': `half Quiet ${text(place)}`, 'large.lfs': `stored elsewhere ${text(place)}` });
  },
  'a filter that is not installed': (place) => {
    place.write({ 'large.lfs': `stored elsewhere ${text(place)}` });
    rmSync(lfsProgram(place.repository), { force: true });
  },
  'a file that cannot be read': (place) => {
    const name = `closed-${place.random.below(3)}.txt`;
    if (existsSync(full(place, name))) chmodSync(full(place, name), 0o644);
    if (place.random.chance(0.7)) place.write({ [name]: text(place) });
    if (!existsSync(full(place, name))) return false;
    // Git compares times by the second: a file that only became unreadable within one would still be held, unchanged.
    utimesSync(full(place, name), new Date(), new Date());
    if (place.random.chance(0.3)) ok(place, 'add', '-f', '--', name);
    if (place.random.chance(0.2)) return false;
    chmodSync(full(place, name), 0o000);
    return isClosed(full(place, name));
  },
  'nested repository without a commit': (place) => {
    if (!existsSync(full(place, 'nested-bare'))) place.git('init', '-q', 'nested-bare');
  },
  'a file of 2 GB': (place) => {
    writeFileSync(full(place, 'huge-sparse.img'), '');
    truncateSync(full(place, 'huge-sparse.img'), 2 ** 31);
  },
  'the branch deleted by hand': (place) => {
    const branch = place.repository.tryGit(['symbolic-ref', '-q', 'HEAD'], place.worktree);
    return branch.code === 0 && !underWay(place) && ok(place, 'update-ref', '-d', branch.output);
  },
  'git gc --prune=now': (place) => place.repository.tryGit(['gc', '-q', '--prune=now']).code === 0,
  'another git at work': (place) => {
    for (const args of [['status'], ['log', '--stat'], ['diff'], ['pack-refs', '--all'], ['repack', '-q', '-a', '-d']])
      place.beside.push(
        new Promise((resolve) => execFile('git', args, { cwd: place.worktree, maxBuffer: 1e8 }, () => resolve(null))),
      );
  },
  'the branch moved by hand': (place) => {
    if (underWay(place)) return false;
    const branch = place.repository.tryGit(['symbolic-ref', '-q', 'HEAD'], place.worktree);
    if (branch.code !== 0) return false;
    if (place.random.chance(0.5)) return ok(place, 'branch', '-m', `moved-${place.random.below(1e9)}`);
    return ok(
      place,
      'update-ref',
      branch.output,
      place.random.pick(place.git('rev-list', '--all', '-n', '20').split('\n')),
    );
  },
  'many files': (place) => {
    if (!existsSync(full(place, 'many'))) return false;
    for (let at = 0; at < 30; at += 1) {
      const name = `many/${1 + place.random.below(900)}/${place.random.below(100)}.txt`;
      if (place.random.chance(0.3)) rmSync(full(place, name), { force: true });
      else place.write({ [name]: text(place) });
    }
    return true;
  },
};

function isClosed(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return false;
  } catch {
    // Root may read everything unless that right was taken from it.
    return true;
  }
}
