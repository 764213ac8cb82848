import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { CONFIG_FILE, type Config } from '../config/index.ts';
import { SwarmError } from '../domain/errors.ts';
import type { ProjectLayout } from '../domain/layout.ts';
import { writeFileAtomic } from '../lib/atomic-file.ts';
import { confirm } from './ask.ts';
import type { Context } from './context.ts';
import { plain } from './output.ts';

/**
 * Programs that swarm.yaml names can come with any `git pull`, so they run only after the person has seen them once, as
 * with direnv. What is approved is kept as a hash: any change asks again.
 * @throws SwarmError `not-approved`
 */
export async function approveConfig(context: Context, layout: ProjectLayout, config: Config, yes: boolean): Promise<void> {
  const programs = programsOf(config);
  if (programs.length === 0) return;
  const hash = createHash('sha256').update(JSON.stringify(programs)).digest('hex');
  const file = path.join(layout.stateDir, 'approved.json');
  if ((await readApproved(file)) === hash) return;
  context.output.note(`${CONFIG_FILE} names programs to run:`);
  for (const [key, argv] of programs) context.output.note(`  ${plain(key)}: ${plain(JSON.stringify(argv))}`);
  if (!yes && !(context.interactive && (await confirm(context, 'Let swarm run them?')))) {
    throw new SwarmError('not-approved', `the programs in ${path.join(layout.root, CONFIG_FILE)} are not approved yet`, {
      hint: 'Read them, then run `swarm up --yes`; it is asked once for each change of them.',
      exitCode: 2,
    });
  }
  await writeFileAtomic(file, JSON.stringify({ hash }), { mode: 0o600 });
}

/** Each thing in the config that can start a program and is not swarm's own default, with its key. Pure. */
export function programsOf(config: Config): [key: string, argv: string[]][] {
  const found: [string, string[]][] = [];
  for (const [role, { command }] of Object.entries(config.agents)) {
    if (command.length !== 1 || command[0] !== 'claude') found.push([`agents.${role}.command`, command]);
  }
  for (const [name, argv] of Object.entries(config.verify)) found.push([`verify.${name}`, argv]);
  if (config.tmux.program !== 'tmux') found.push(['tmux.program', [config.tmux.program]]);
  return found.toSorted(([a], [b]) => (a < b ? -1 : 1));
}

async function readApproved(file: string): Promise<string | null> {
  try {
    return (JSON.parse(await readFile(file, 'utf8')) as { hash?: string }).hash ?? null;
  } catch {
    // Absent or damaged: nothing is approved, and the person is asked.
    return null;
  }
}
