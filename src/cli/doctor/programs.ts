import { existsSync } from 'node:fs';
import { findRabbitmq } from '../../broker/index.ts';
import { findEpmd } from '../../broker/install.ts';
import { inspectClaude, type Gate } from '../../claude/preflight.ts';
import type { Config } from '../../config/index.ts';
import { findProgram } from '../../lib/start-error.ts';
import { gitText } from '../../git/git.ts';
import { MINIMUM_GIT, parseGitVersion } from '../../git/repository/repository.ts';
import { run } from '../../process/run.ts';
import { Database } from '../../store/database.ts';
import { Notes } from '../../store/notes.ts';
import { inspectTmux } from '../../tmux/index.ts';
import { installedClaude } from '../project/claude-program.ts';
import type { Context } from '../project/context.ts';
import { namedProblems } from '../project/named-programs.ts';
import { findingOf, ok, type Diagnosis, type Severity } from './finding.ts';
import type { Patient } from './patient.ts';

const NEEDED_NODE = 24;
const ASK_TIMEOUT_MS = 5_000;

/** Checks the programs that swarm starts; those of agents only where swarm.yaml names them. */
export async function checkPrograms(context: Context, config: Config): Promise<Diagnosis[]> {
  const [node, git, tmux, rabbitmq] = await Promise.all([
    checkNode(context.env),
    checkGit(context.cwd),
    checkTmux(context, config),
    checkRabbitmq(context.env, config),
  ]);
  return [...node, git, tmux, ...checkSs(context.env, process.platform), rabbitmq];
}

/**
 * Checks for `ss`: on Linux only it shows whether an answer of the API still arrives, so that a long one is not taken
 * for a hang.
 */
export function checkSs(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): Diagnosis[] {
  if (platform !== 'linux' || findProgram({ program: 'ss', cwd: '/', searchPath: env['PATH'] }) !== null) return [];
  return [
    {
      check: 'ss',
      severity: 'warning',
      text: 'ss is not installed',
      cause: 'Without it a long answer of a model, which shows nothing until its end, looks like a hang.',
      cure: 'Install the package iproute2.',
    },
  ];
}

async function checkNode(env: NodeJS.ProcessEnv): Promise<Diagnosis[]> {
  const own = ok('node', `Node ${process.versions.node} (${process.execPath})`);
  const onPath = findProgram({ program: 'node', cwd: '/', searchPath: env['PATH'] });
  if (onPath === null || onPath === process.execPath) return [own];
  const version = await versionOf(onPath, env);
  if (version === null || Number.parseInt(version.slice(1), 10) >= NEEDED_NODE) return [own];
  return [
    own,
    {
      check: 'node-path',
      severity: 'note',
      text: `the node on your PATH is ${version} (${onPath})`,
      cause: 'swarm itself runs on its own; what agents and verify commands start is that one.',
    },
  ];
}

async function versionOf(program: string, env: NodeJS.ProcessEnv): Promise<string | null> {
  try {
    const { exitCode, stdout } = await run([program, '--version'], { env, timeoutMs: ASK_TIMEOUT_MS });
    return exitCode === 0 ? stdout.toString().trim() : null;
  } catch (error) {
    // There is none.
    if (error instanceof Error) return null;
    throw error;
  }
}

async function checkGit(cwd: string): Promise<Diagnosis> {
  try {
    const text = await gitText(['version'], { cwd });
    const [major = 0, minor = 0] = parseGitVersion(text) ?? [];
    const [least, leastMinor] = MINIMUM_GIT;
    if (major > least || (major === least && minor >= leastMinor)) return ok('git', text);
    return {
      check: 'git',
      severity: 'error',
      text: `${text} is too old`,
      cause: `swarm needs ${MINIMUM_GIT.join('.')} or newer.`,
      cure: 'Install a newer git.',
    };
  } catch (error) {
    return findingOf('git', error);
  }
}

async function checkTmux({ interrupt }: Context, config: Config): Promise<Diagnosis> {
  try {
    const { text } = await inspectTmux(config.tmux.program, { signal: interrupt.signal });
    return ok('tmux', `tmux ${text}`);
  } catch (error) {
    interrupt.signal.throwIfAborted();
    return findingOf('tmux', error);
  }
}

async function checkRabbitmq(env: NodeJS.ProcessEnv, config: Config): Promise<Diagnosis> {
  if (config.broker.url !== undefined) return ok('rabbitmq', 'RabbitMQ: your own (broker.url)');
  const install = await findRabbitmq(env);
  const cause = 'Agents come up without it, and tasks wait in the store.';
  if (install === null) {
    const cure =
      process.platform === 'darwin'
        ? 'brew install rabbitmq'
        : 'sudo scripts/install-rabbitmq, or your system’s package rabbitmq-server';
    return { check: 'rabbitmq', severity: 'error', text: 'RabbitMQ is not installed', cause, cure };
  }
  if (findEpmd(env) === null) {
    return {
      check: 'rabbitmq',
      severity: 'error',
      text: `RabbitMQ ${install.version} has no Erlang to run on (epmd is not found)`,
      cause,
      cure: 'Install Erlang, for example the package erlang-base.',
    };
  }
  return ok('rabbitmq', `RabbitMQ ${install.version} (${install.home})`);
}

/** `swarm up` asks about trust itself, so its lack does not block before. */
const GATE_SEVERITY: Partial<Record<Gate['kind'], Severity>> = { trust: 'warning', onboarding: 'note' };

/** Checks the Claude Code of each role in swarm.yaml. */
export async function checkClaude({ context, layout, config, locked }: Patient): Promise<Diagnosis[]> {
  const commands = Object.values(config.agents)
    .filter(({ kind, count }) => kind === 'claude' && count > 0)
    .map(({ command }) => command.join('\0'));
  const found = await Promise.all(
    [...new Set(commands)].map((command) => inspect(context, layout, command.split('\0'))),
  );
  const trusted = trustWasGiven(layout, locked);
  return found.flat().filter(({ check }) => check !== 'claude-trust' || !trusted);
}

/**
 * Whether the person has trusted swarm, by `up --trust` or its question: then swarm starts its agents past Claude
 * Code's own question.
 */
function trustWasGiven({ db: file }: Patient['layout'], locked: boolean): boolean {
  if (!existsSync(file)) return false;
  try {
    using db = locked ? new Database(file, { readOnly: true }) : Database.atRest(file);
    return new Notes(db).get('swarm.trusted') === true;
  } catch {
    // Another check reports a store that cannot be read.
    return false;
  }
}

async function inspect(context: Context, layout: Patient['layout'], command: string[]): Promise<Diagnosis[]> {
  const own = installedClaude(layout);
  const usesOwn =
    command.length === 1 &&
    command[0] === 'claude' &&
    findProgram({ program: 'claude', cwd: '/', searchPath: context.env['PATH'] }) === null &&
    existsSync(own);
  const options = {
    command: usesOwn ? [own] : command,
    env: context.env,
    root: layout.root,
    signal: context.interrupt.signal,
  };
  const { version, path: program, gates } = await inspectClaude(options);
  const findings = gates.map(({ kind, message, cure, blocking }): Diagnosis => {
    const severity = GATE_SEVERITY[kind] ?? (blocking ? 'error' : 'note');
    return {
      check: `claude-${kind}`,
      severity,
      text: message.replace(/\.$/, ''),
      cure: kind === 'trust' ? 'Run `swarm up`, which asks, or `swarm up --trust`.' : cure,
    };
  });
  return version === null
    ? findings
    : [ok('claude', `Claude Code ${version} (${program ?? command[0] ?? ''})`), ...findings];
}

export function checkNamed({ context, layout, config }: Patient): Diagnosis[] {
  return namedProblems(config, layout.root, context.env).map(({ key, problem, cause }) => ({
    check: 'program-missing',
    severity: 'warning',
    text: `${key}: ${problem.message}`,
    cause,
    cure: problem.hint,
  }));
}
