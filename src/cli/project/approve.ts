import path from 'node:path';
import {
  approvalFile,
  approvalHash,
  CONFIG_FILE,
  programsOf,
  projectServers,
  readApproved,
  verifyRules,
  type Config,
} from '../../config/index.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { confirm } from './ask.ts';
import type { Context } from './context.ts';
import { plain } from '../say/output.ts';

/**
 * Asks the person to approve the programs in swarm.yaml, which can come with any `git pull`: like direnv, swarm runs
 * them only after the person has seen them once. The approval is kept as a hash: any change asks again.
 * @throws SwarmError `not-approved`
 */
export async function approveConfig(
  context: Context,
  layout: ProjectLayout,
  config: Config,
  yes: boolean,
): Promise<void> {
  const programs = programsOf(config, projectServers(config, layout.root));
  if (programs.length === 0) return;
  const hash = approvalHash(programs);
  const file = approvalFile(layout.stateDir);
  if (readApproved(file) === hash) return;
  context.output.note(`${CONFIG_FILE} names programs to run:`);
  for (const [key, argv] of programs) context.output.note(`  ${plain(key)}: ${plain(JSON.stringify(argv))}`);
  const rules = extraRules(config);
  if (rules.length > 0) context.output.note(`Agents may then run, without asking: ${plain(rules.join(', '))}`);
  if (Object.values(config.agents).some(({ mcp }) => mcp === 'inherit'))
    context.output.note('Agents get your own MCP servers (agents.*.mcp: inherit), with what those may do for you.');
  if (!yes && !(context.interactive && (await confirm(context, 'Let swarm run them?')))) {
    throw new SwarmError(
      'not-approved',
      `the programs in ${path.join(layout.root, CONFIG_FILE)} are not approved yet`,
      {
        hint: 'Read them, then run `swarm up --yes`; it is asked once for each change of them.',
        exitCode: 2,
      },
    );
  }
  await writeFileAtomic(file, JSON.stringify({ hash }), { mode: 0o600 });
}

/** Rules for agents beyond the `allow` of their role: those of the verify commands. Pure. */
export function extraRules(config: Config): string[] {
  const roles = Object.values(config.agents).filter(({ kind, count }) => kind === 'claude' && count > 0);
  return verifyRules(config).filter((rule) => roles.some(({ allow }) => !allow.includes(rule)));
}
