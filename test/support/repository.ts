import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';

export interface TemporaryRepository {
  path: string;
  /** Runs git in it and returns its output, without the last newline. */
  git(...args: string[]): Promise<string>;
  /** Writes files by relative path, uncommitted. */
  write(files: Record<string, string>): Promise<void>;
}

export interface TemporaryRepositoryOptions {
  /** Directory in which it is made: usually `environment.directory`, which removes it too. */
  parent: string;
  /** Its directory's name; spaces and unicode are fine. Default `repo`. */
  name?: string;
  /** Committed at the start; `false`: a repository without a commit. Default: a README.md. */
  files?: Record<string, string> | false;
  /** Written after the commit. */
  dirty?: Record<string, string>;
  /** Leaves HEAD on the commit instead of on the branch. */
  detached?: boolean;
}

// Nothing of the person's account, so that no hook, template or signing key of theirs plays a part.
const GIT_ENVIRONMENT = {
  PATH: process.env['PATH'] ?? '/usr/bin:/bin',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'A Person',
  GIT_AUTHOR_EMAIL: 'person@example.com',
  GIT_COMMITTER_NAME: 'A Person',
  GIT_COMMITTER_EMAIL: 'person@example.com',
};

/** A git repository on branch `main` to try swarm in. */
export async function temporaryRepository(options: TemporaryRepositoryOptions): Promise<TemporaryRepository> {
  const directory = path.join(options.parent, options.name ?? 'repo');
  await mkdir(directory, { recursive: true });
  const git = async (...args: string[]) => {
    const { stdout } = await execa('git', args, { cwd: directory, env: GIT_ENVIRONMENT, extendEnv: false });
    return stdout;
  };
  const write = async (files: Record<string, string>) => {
    for (const [name, content] of Object.entries(files)) {
      const file = path.join(directory, name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, content);
    }
  };
  await git('init', '-q', '-b', 'main');
  const files = options.files ?? { 'README.md': '# A project\n' };
  if (files !== false) {
    await write(files);
    await git('add', '-A');
    await git('commit', '-q', '--allow-empty', '-m', 'A first commit');
  }
  if (options.detached === true) await git('checkout', '-q', '--detach');
  await write(options.dirty ?? {});
  return { path: directory, git, write };
}
