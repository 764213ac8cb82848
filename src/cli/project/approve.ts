import path from 'node:path';
import {
  approvalFile,
  approvalHash,
  approvedText,
  arePermissionsApproved,
  CONFIG_FILE,
  isApproved,
  permissionsOf,
  programsOf,
  projectServers,
  readApproved,
  verifyRules,
  type Approved,
  type Config,
} from '../../config/index.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { confirm } from './ask.ts';
import type { Context } from './context.ts';
import { plain } from '../say/output.ts';
import { MODES } from '../say/permission-modes.ts';

/**
 * Asks the person to approve the programs in swarm.yaml and what it lets agents do, both of which can come with any
 * `git pull`: like direnv, swarm heeds them only after the person has seen them once. The approval is kept as a hash
 * of each: any change asks again.
 * @throws SwarmError `not-approved`
 */
export async function approveConfig(
  context: Context,
  layout: ProjectLayout,
  config: Config,
  yes: boolean,
): Promise<void> {
  const permissions = permissionsOf(config);
  const arePermitted = arePermissionsApproved(config, layout);
  if (arePermitted) return await approvePrograms(context, layout, config, yes);
  const programs = isApproved(config, layout) ? [] : named(config, layout);
  if (programs.length > 0) showPrograms(context, config, programs);
  context.output.note(`${CONFIG_FILE} says what agents may do:`);
  for (const line of permissionLines(permissions)) context.output.note(`  ${plain(line)}`);
  await agree(context, layout, yes, {
    question: programs.length > 0 ? 'Let swarm run those programs, and agents do this?' : 'Let agents do this?',
    what: programs.length > 0 ? 'the programs and permissions' : 'the permissions',
  });
  await keep(layout, {
    programs: approvalHash(named(config, layout)),
    permissions: approvalHash(permissions),
  });
}

/** The same for the programs alone, for verbs that start no agent. */
export async function approvePrograms(
  context: Context,
  layout: ProjectLayout,
  config: Config,
  yes: boolean,
): Promise<void> {
  if (isApproved(config, layout)) return;
  const programs = named(config, layout);
  showPrograms(context, config, programs);
  await agree(context, layout, yes, { question: 'Let swarm run them?', what: 'the programs' });
  await keep(layout, { programs: approvalHash(programs) });
}

function named(config: Config, { root }: ProjectLayout): ReturnType<typeof programsOf> {
  return programsOf(config, projectServers(config, root));
}

function showPrograms({ output }: Context, config: Config, programs: ReturnType<typeof programsOf>): void {
  output.note(`${CONFIG_FILE} names programs to run:`);
  for (const [key, argv] of programs) output.note(`  ${plain(key)}: ${plain(JSON.stringify(argv))}`);
  const rules = extraRules(config);
  if (rules.length > 0) output.note(`Agents may then run, without asking: ${plain(rules.join(', '))}`);
  if (Object.values(config.agents).some(({ mcp }) => mcp === 'inherit'))
    output.note('Agents get your own MCP servers (agents.*.mcp: inherit), with what those may do for you.');
}

/** Each permission with its key, a permission mode also with its meaning. Pure. */
export function permissionLines(permissions: ReturnType<typeof permissionsOf>): string[] {
  return permissions.map(([key, values]) => {
    const [first = ''] = values;
    const meaning = key.endsWith('.permissionMode') ? ` (${MODES[first as keyof typeof MODES]})` : '';
    return `${key}: ${values.join(', ')}${meaning}`;
  });
}

async function agree(
  context: Context,
  { root }: ProjectLayout,
  yes: boolean,
  { question, what }: { question: string; what: string },
): Promise<void> {
  if (yes || (context.interactive && (await confirm(context, question)))) return;
  throw new SwarmError('not-approved', `${what} in ${path.join(root, CONFIG_FILE)} are not approved yet`, {
    hint: 'Read them, then run `swarm up --yes`; it is asked once for each change of them.',
    exitCode: 2,
  });
}

async function keep({ stateDir }: ProjectLayout, approved: Partial<Approved>): Promise<void> {
  const file = approvalFile(stateDir);
  await writeFileAtomic(file, approvedText({ ...readApproved(file), ...approved }), { mode: 0o600 });
}

/** Rules for agents beyond the `allow` of their role: those of the verify commands. Pure. */
export function extraRules(config: Config): string[] {
  const roles = Object.values(config.agents).filter(({ kind, count }) => kind === 'claude' && count > 0);
  return verifyRules(config).filter((rule) => roles.some(({ allow }) => !allow.includes(rule)));
}
