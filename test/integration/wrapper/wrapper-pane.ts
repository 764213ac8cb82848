import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { AgentSpec } from '../../../src/coordination/link.ts';
import type { TaskOrder } from '../../../src/coordination/messages.ts';
import { build } from 'esbuild';
import { BUNDLED_PROGRAM } from '../../support/bundle.ts';
import { testedClaude } from '../../support/claude.ts';
import { isolatedEnvironment, repositoryRoot, type IsolatedEnvironment } from '../../support/environment.ts';
import { temporaryRepository, type TemporaryRepository } from '../../support/repository.ts';
import { FakeSupervisor } from './fake-supervisor.ts';

const run = promisify(execFile);

async function until(check: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error('waited 10 s in vain');
    await delay(50);
  }
}

let bundled: Promise<string> | null = null;

/** Bundled as it is shipped: one file, so that edits of the sources meanwhile play no part. */
function bundle(): Promise<string> {
  bundled ??= build({
    absWorkingDir: repositoryRoot,
    entryPoints: ['src/wrapper/main.ts'],
    ...BUNDLED_PROGRAM,
    target: 'node24',
    minify: true,
    write: false,
  }).then(({ outputFiles }) => outputFiles[0]?.text ?? '');
  return bundled;
}

export interface WrapperPaneOptions {
  kind: 'claude' | 'shell';
  amqpUrl: string | null;
  anthropicBaseUrl?: string | undefined;
  spec?: Partial<AgentSpec>;
  files?: Record<string, string>;
}

/** One real wrapper in a real tmux pane over a real repository, with a fake supervisor. */
export class WrapperPane implements AsyncDisposable {
  readonly environment: IsolatedEnvironment;
  readonly repository: TemporaryRepository;
  readonly supervisor: FakeSupervisor;
  readonly spec: AgentSpec;
  readonly specFile: string;

  static async open(options: WrapperPaneOptions): Promise<WrapperPane> {
    const environment = await isolatedEnvironment({ anthropicBaseUrl: options.anthropicBaseUrl, graceMs: 6_000 });
    const repository = await temporaryRepository({
      parent: environment.directory,
      ...(options.files === undefined ? {} : { files: options.files }),
    });
    const commit = await repository.git('rev-parse', 'HEAD');
    const agent = 'worker-1';
    const project = randomUUID().slice(0, 8);
    const inside = (name: string): string => path.join(environment.directory, name);
    for (const name of ['rt', 'st', 'st/logs', 'rt/agents']) await mkdir(inside(name), { mode: 0o700 });
    const worktree = inside(`repo.swarm/${agent}`);
    await repository.git('worktree', 'add', '-q', '--detach', worktree, commit);
    await writeFile(inside('rt/env.json'), JSON.stringify(environment.variables), { mode: 0o600 });
    const spec: AgentSpec = {
      agent,
      kind: options.kind,
      slots: 1,
      checkpoints: { everyMs: 300_000, maxFileBytes: 104_857_600, before: ['git clean'] },
      capabilities: [],
      command: [testedClaude().program],
      worktree,
      project,
      root: repository.path,
      gitCommonDir: path.join(repository.path, '.git'),
      stateDir: inside('st'),
      shadowGit: inside('st/shadow.git'),
      spoolDir: inside('st/spool'),
      logsDir: inside('st/logs'),
      runtimeDir: inside('rt'),
      linkSocket: inside('rt/link.sock'),
      tmuxSocket: inside('rt/tmux.sock'),
      tmuxProgram: 'tmux',
      envSnapshot: inside('rt/env.json'),
      token: randomUUID(),
      supervisorArgv: ['/bin/sh', '-c', `echo started >> '${inside('supervisor-starts')}'`],
      buildId: 'test',
      base: { branch: 'main', commit },
      idle: 'lazy',
      permissionMode: 'acceptEdits',
      allow: [],
      deny: [],
      unanswered: { policy: 'wait', afterMs: 600_000 },
      trustWorkspace: true,
      restart: { policy: 'permanent', intensity: 5, windowMs: 60_000, backoffMs: 100, backoffMaxMs: 1_000 },
      stopGraceMs: 2_000,
      heartbeatMs: 500,
      resume: null,
      ...options.spec,
    };
    const specFile = inside(`rt/agents/${agent}.json`);
    await writeFile(specFile, JSON.stringify(spec), { mode: 0o600 });
    const supervisor = new FakeSupervisor(project, spec.linkSocket, options.amqpUrl);
    await supervisor.start();
    return new WrapperPane(environment, repository, supervisor, spec, specFile);
  }

  private constructor(
    environment: IsolatedEnvironment,
    repository: TemporaryRepository,
    supervisor: FakeSupervisor,
    spec: AgentSpec,
    specFile: string,
  ) {
    this.environment = environment;
    this.repository = repository;
    this.supervisor = supervisor;
    this.spec = spec;
    this.specFile = specFile;
  }

  async tmux(...args: string[]): Promise<string> {
    const { stdout } = await run('tmux', ['-S', this.spec.tmuxSocket, ...args], { env: this.environment.variables });
    return stdout;
  }

  async start(): Promise<void> {
    const wrapper = path.join(this.environment.directory, 'wrapper.mjs');
    await writeFile(wrapper, await bundle());
    const { agent, project } = this.spec;
    const environment = { ...this.environment.variables, SWARM_WRAPPER: `${project}/${agent}` };
    const pairs = Object.entries(environment).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    const program = [process.execPath, wrapper, '--spec', this.specFile];
    await this.tmux(
      '-f',
      '/dev/null',
      'new-session',
      '-d',
      '-s',
      agent,
      '-x',
      '120',
      '-y',
      '40',
      ...pairs,
      ...program,
      ';',
      'set',
      '-g',
      'remain-on-exit',
      'on',
    );
  }

  screen(): Promise<string> {
    return this.tmux('capture-pane', '-p', '-t', '=worker-1:');
  }

  /** A person attaches, types, and leaves again: tmux itself is the terminal of that client. */
  async visit(keys: string[]): Promise<void> {
    const attach = ['tmux', '-S', this.spec.tmuxSocket, 'attach', '-t', '=worker-1'];
    await this.tmux(
      'new-session',
      '-d',
      '-s',
      'visitor',
      '-x',
      '120',
      '-y',
      '40',
      'env',
      '-u',
      'TMUX',
      'TERM=xterm-256color',
      ...attach,
    );
    const attached = async (): Promise<boolean> => (await this.tmux('list-clients', '-t', '=worker-1')) !== '';
    await until(attached);
    for (const key of keys) await this.tmux('send-keys', '-t', '=visitor:', '-l', key);
    await until(async () => (await this.screen()).includes(keys.join('')));
    await this.tmux('kill-session', '-t', '=visitor');
    await until(async () => !(await attached()));
  }

  async log(): Promise<string> {
    return await readFile(path.join(this.spec.logsDir, `${this.spec.agent}.jsonl`), 'utf8').catch(() => '(no log)');
  }

  order(task: string, more: Partial<TaskOrder> = {}): TaskOrder {
    return {
      task,
      attempt: 1,
      slot: 0,
      title: `Task ${task}`,
      kind: this.spec.kind,
      prompt: null,
      command: null,
      leaseMs: 60_000,
      base: this.spec.base,
      dependencies: [],
      on: null,
      timeoutMs: null,
      verify: null,
      verifyFollowUps: 1,
      budgetUsd: null,
      resume: null,
      history: [],
      ...more,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.supervisor.send({
      type: 'order',
      epoch: this.supervisor.epoch,
      id: 'end',
      order: { do: 'stop', graceMs: 1_000 },
    });
    const copy = process.env['SWARM_TEST_LOG'];
    if (copy !== undefined)
      await writeFile(
        copy,
        `${await this.log()}\n${await this.screen().catch(() => '')}\n${JSON.stringify(this.supervisor.events, null, 1)}`,
      );
    await this.supervisor[Symbol.asyncDispose]();
    await this.tmux('kill-server').catch(() => '');
    await this.environment[Symbol.asyncDispose]();
  }
}
