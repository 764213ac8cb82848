import { runGit } from './git.ts';

export const FALLBACK_IDENTITY = { name: 'swarm', email: 'swarm@localhost' } as const;

/** Identity for commits where the person has configured none; a configured one always wins. */
export async function identityEnvironment(cwd: string): Promise<Record<string, string>> {
  const { stdout } = await runGit(['config', '--get-regexp', '^(user|author|committer)\\.(name|email)$'], {
    cwd,
    okCodes: [1],
  });
  const configured = new Set(
    stdout
      .toString('utf8')
      .split('\n')
      .map((line) => line.split(' ')[0] ?? ''),
  );
  const env: Record<string, string> = {};
  for (const role of ['author', 'committer'] as const) {
    for (const part of ['name', 'email'] as const) {
      const variable = `GIT_${role}_${part}`.toUpperCase();
      if (process.env[variable] !== undefined) continue;
      if (configured.has(`user.${part}`) || configured.has(`${role}.${part}`)) continue;
      env[variable] = FALLBACK_IDENTITY[part];
    }
  }
  return env;
}

/** Identity of swarm's own records (checkpoints, snapshots): the same for every person. */
export const SWARM_IDENTITY: Readonly<Record<string, string>> = {
  GIT_AUTHOR_NAME: FALLBACK_IDENTITY.name,
  GIT_AUTHOR_EMAIL: FALLBACK_IDENTITY.email,
  GIT_COMMITTER_NAME: FALLBACK_IDENTITY.name,
  GIT_COMMITTER_EMAIL: FALLBACK_IDENTITY.email,
};
