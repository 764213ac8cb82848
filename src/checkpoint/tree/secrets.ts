import { splitNul, printable } from '../../git/bytes.ts';
import type { RawPath } from '../../git/bytes.ts';
import { runGit } from '../../git/git.ts';

/** Names under which keys and passwords usually lie. Templates such as `.env.example` hold none. */
const SECRET =
  /(^|\/)(\.env(\.[^/]+)?|\.envrc|id_(rsa|dsa|ecdsa|ed25519)|[^/]+\.(pem|key|p12|pfx|jks|keystore|kdbx|ppk)|\.netrc|\.pgpass|\.npmrc|\.pypirc|\.htpasswd|credentials(\.json)?|secrets?\.(ya?ml|json|toml)|service-account[^/]*\.json)$/i;
const TEMPLATE = /\.(example|sample|template|dist|defaults?)$/i;

export function looksSecret(name: string): boolean {
  return SECRET.test(name) && !TEMPLATE.test(name);
}

const MOST_ASKED = 500;

/**
 * Warnings for those of `files`, new to the checkpoints, that look like secrets and that the person's git does not
 * track.
 */
export async function secretNames(worktree: string, files: readonly RawPath[]): Promise<string[]> {
  const named = files.map(printable).filter(looksSecret).slice(0, MOST_ASKED);
  if (named.length === 0) return [];
  const { stdout } = await runGit(['ls-files', '-z', '--', ...named], {
    cwd: worktree,
    env: { GIT_LITERAL_PATHSPECS: '1' },
  });
  const tracked = new Set(splitNul(stdout).map(printable));
  return named
    .filter((name) => !tracked.has(name))
    .map((name) => `captured, though its name is that of a secret (ignore it in git to keep it out): ${name}`);
}
