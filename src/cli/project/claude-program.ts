import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { inspectClaude, type Gate } from '../../claude/preflight.ts';
import type { Config } from '../../config/index.ts';
import { environmentFor } from '../../domain/environment.ts';
import { SwarmError, errorText } from '../../domain/errors.ts';
import type { ProjectLayout } from '../../domain/layout.ts';
import { StartError } from '../../lib/start-error.ts';
import { run, type RunEnd } from '../../process/run.ts';
import { confirm } from './ask.ts';
import type { Context } from './context.ts';

/** The release that swarm was measured with. */
const PACKAGE = '@anthropic-ai/claude-code@2.1.330';
const INSTALL = ['install', '--no-audit', '--no-fund', '--include=optional', '--loglevel=error', PACKAGE];
const INSTALL_TIMEOUT_MS = 10 * 60_000;
const INSTALL_GRACE_MS = 5_000;

/** Path of swarm's own copy of Claude Code, where there is one. */
export function installedClaude(layout: Pick<ProjectLayout, 'swarmStateDir'>): string {
  return path.join(layout.swarmStateDir, 'claude', 'node_modules', '.bin', 'claude');
}

/**
 * Sees to it that each program of the claude roles exists and is new enough. A lack that a person can mend while the
 * agents wait (login, trust) is not checked here: `status` shows it as needs-you.
 * @throws SwarmError `claude-missing`, `claude-broken`, `claude-too-old`
 */
export async function ensureClaude(
  context: Context,
  layout: ProjectLayout,
  config: Config,
  yes: boolean,
): Promise<void> {
  const commands = Object.values(config.agents)
    .filter((role) => role.kind === 'claude' && (role.count ?? 0) > 0)
    .map((role) => role.command);
  const distinct = [...new Map(commands.map((command) => [command.join('\0'), command])).values()];
  for (const command of distinct) await ensureProgram(context, layout, command, yes);
}

async function ensureProgram(context: Context, layout: ProjectLayout, command: string[], yes: boolean): Promise<void> {
  if (command.length === 1 && command[0] === 'claude') {
    await claudeDirectory(context, layout.swarmStateDir, layout.root, yes);
    return;
  }
  const gate = await programGate(context, layout.root, command);
  if (gate !== null) throw new SwarmError(`claude-${gate.kind}`, gate.message, { hint: gate.cure });
}

/**
 * The directory of `claude`: null when it is on PATH, else that of swarm's own copy, which is installed when the person
 * agrees.
 * @throws SwarmError `claude-missing`, `claude-broken`, `claude-too-old`, `claude-install-failed`
 */
export async function claudeDirectory(
  context: Context,
  swarmStateDir: string,
  root: string,
  yes: boolean,
): Promise<string | null> {
  const gate = await programGate(context, root, ['claude']);
  if (gate === null) return null;
  if (gate.kind !== 'missing') throw new SwarmError(`claude-${gate.kind}`, gate.message, { hint: gate.cure });
  const own = installedClaude({ swarmStateDir });
  if (existsSync(own) && (await programGate(context, root, [own])) === null) return path.dirname(own);
  if (
    !yes &&
    !(
      context.interactive &&
      (await confirm(context, `Claude Code is not installed. Install ${PACKAGE} for swarm alone?`))
    )
  ) {
    throw new SwarmError('claude-missing', gate.message, {
      hint: 'Run it again with `--yes` to have it installed for swarm alone, or install it yourself: `npm install -g @anthropic-ai/claude-code`.',
    });
  }
  return path.dirname(await install(context, { swarmStateDir }));
}

async function programGate(context: Context, root: string, command: string[]): Promise<Gate | null> {
  const { gates } = await inspectClaude({ command, env: context.env, root, signal: context.interrupt.signal });
  return gates.find(({ kind }) => ['missing', 'broken', 'too-old'].includes(kind)) ?? null;
}

/**
 * Installs Claude Code into swarm's state directory, so that nothing of the person's changes.
 * @throws SwarmError `claude-install-failed`
 */
async function install(context: Context, layout: Pick<ProjectLayout, 'swarmStateDir'>): Promise<string> {
  const directory = path.join(layout.swarmStateDir, 'claude');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  context.output.note(`installing ${PACKAGE} into ${directory} …`);
  try {
    await makePackage(directory);
    await step(context, ['npm', ...INSTALL], directory);
    // npm may refuse install scripts; without its own this package is a placeholder. Running it twice is harmless.
    const installed = path.join(directory, 'node_modules', '@anthropic-ai', 'claude-code');
    await step(context, [process.execPath, 'install.cjs'], installed);
  } catch (cause) {
    context.interrupt.signal.throwIfAborted();
    throw new SwarmError('claude-install-failed', `Claude Code could not be installed: ${errorText(cause)}`, {
      hint: 'Install it yourself: `npm install -g @anthropic-ai/claude-code`.',
      cause,
      retrySafe: true,
    });
  }
  return installedClaude(layout);
}

async function step(context: Context, argv: readonly string[], cwd: string): Promise<void> {
  const env = environmentFor('programs', context.env);
  const [program = ''] = argv;
  const end = await run(argv, {
    cwd,
    env,
    signal: context.interrupt.signal,
    timeoutMs: INSTALL_TIMEOUT_MS,
    graceMs: INSTALL_GRACE_MS,
  }).catch((cause: unknown) => {
    context.interrupt.signal.throwIfAborted();
    throw new StartError({ program, cwd, searchPath: env['PATH'] }, cause);
  });
  if (end.exitCode !== 0) throw new Error(whyOf(end));
}

/**
 * Makes the directory a package, since npm installs into the nearest one from where it runs. With `--prefix` it would
 * also look there for the settings of the machine (a mirror, a certificate authority), and not find them.
 */
async function makePackage(directory: string): Promise<void> {
  const file = path.join(directory, 'package.json');
  if (!existsSync(file)) await writeFile(file, '{ "private": true }\n', { mode: 0o600 });
}

/** The lines of npm's output that name the trouble. */
function whyOf({ by, exitCode, signal, stderr }: RunEnd): string {
  if (by === 'timeout') return `it took more than ${INSTALL_TIMEOUT_MS / 60_000} min`;
  const said = stderr.split('\n').flatMap((line) => /^npm (?:error|ERR!) (\S.*)$/.exec(line)?.[1] ?? []);
  const telling = said.filter((line) => !/^(code|errno|syscall|at|A complete log|path|dest) /.test(line));
  if (telling.length > 0) return telling.slice(0, 2).join(' ');
  return [signal ?? `exit code ${exitCode}`, ...stderr.trim().split('\n').slice(-2)].join(' ').trim();
}
