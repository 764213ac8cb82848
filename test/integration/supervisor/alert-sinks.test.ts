import { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { AlertDocument } from '../../../src/api/alerts/schemas.ts';
import { commandSink, webhookSink } from '../../../src/supervisor/alerts/alert-sinks.ts';
import { isRunning } from '../../../src/lib/running.ts';

const alert: AlertDocument = {
  key: 'agent.stuck.worker-1',
  severity: 'warning',
  state: 'raised',
  agent: 'worker-1',
  text: 'worker-1 is "stuck"',
  since: '2030-01-01T00:00:00.000Z',
  at: '2030-01-01T00:00:00.000Z',
};
const never = new AbortController().signal;

describe('a command', () => {
  let dir = '';
  beforeEach(async () => void (dir = await mkdtemp(path.join(tmpdir(), 'alerts-'))));
  afterEach(() => rm(dir, { recursive: true }));
  const run = (script: string, signal = never): Promise<void> =>
    commandSink(['sh', '-c', script], { cwd: dir, env: { PATH: process.env['PATH'] ?? '' } })(alert, signal);

  test('gets the alert on its stdin and in its environment', async () => {
    await run('cat > stdin; echo "$SWARM_ALERT_SEVERITY $SWARM_ALERT_AGENT $SWARM_ALERT_TEXT" > env');
    expect(JSON.parse(await readFile(path.join(dir, 'stdin'), 'utf8'))).toEqual(alert);
    expect(await readFile(path.join(dir, 'env'), 'utf8')).toBe('warning worker-1 worker-1 is "stuck"\n');
  });

  test('that fails, or is not there, is told; one that reads nothing is not', async () => {
    await expect(run('exit 3')).rejects.toThrow('sh ended with exit code 3');
    await expect(commandSink(['no-such-program'], { cwd: dir, env: {} })(alert, never)).rejects.toThrow('ENOENT');
    await expect(run('exec <&-; exit 0')).resolves.toBeUndefined();
  });

  test('that goes on for ever ends with the supervisor, and what it has started with it', async () => {
    const abort = new AbortController();
    const running = run('sleep 600 & echo $! > pid.part; mv pid.part pid; wait', abort.signal);
    await expect.poll(() => existsSync(path.join(dir, 'pid'))).toBe(true);
    const pid = Number(await readFile(path.join(dir, 'pid'), 'utf8'));
    abort.abort();
    await expect(running).rejects.toThrow('SIGKILL');
    await expect.poll(() => isRunning(pid)).toBe(false);
  });

  test('that runs as another user, and cannot be ended, is told and takes nothing else with it', async () => {
    // As the kernel answers for a program that was started through sudo.
    const refused = Object.assign(new Error('kill EPERM'), { code: 'EPERM', syscall: 'kill' });
    const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
      throw refused;
    });
    const killOne = vi.spyOn(ChildProcess.prototype, 'kill').mockImplementation(function (this: ChildProcess) {
      return this.exitCode === null && this.emit('error', refused) && false;
    });
    onTestFinished(() => {
      killOne.mockRestore();
    });
    const uncaught = vi.fn<(error: unknown) => void>();
    process.once('uncaughtException', uncaught);
    onTestFinished(() => void process.off('uncaughtException', uncaught));
    onTestFinished(() => kill.mockRestore());
    await expect(run('exit 0')).resolves.toBeUndefined();
    const abort = new AbortController();
    const running = run('touch begun; exec sleep 600', abort.signal);
    await expect.poll(() => existsSync(path.join(dir, 'begun'))).toBe(true);
    abort.abort();
    await expect(running).rejects.toThrow('cannot be ended');
    expect(uncaught).not.toHaveBeenCalled();
    const left = -(kill.mock.calls.at(-1)?.[0] ?? 0);
    kill.mockRestore();
    process.kill(-left, 'SIGKILL');
    await expect.poll(() => isRunning(left)).toBe(false);
  });
});

describe('a webhook', () => {
  const bodies: unknown[] = [];
  let answers: number[] = [];
  const slept: number[] = [];
  const server = http.createServer((request, response) => {
    void text(request).then((body) => {
      bodies.push(JSON.parse(body));
      response.writeHead(answers.shift() ?? 200).end();
    });
  });
  const clock = {
    now: () => 0,
    monotonic: () => 0,
    after: (ms: number, run: () => void) => {
      slept.push(ms);
      setImmediate(run);
      return () => {};
    },
  };
  const post = (): Promise<void> =>
    webhookSink(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, clock)(alert, never);

  beforeEach(async () => {
    bodies.length = 0;
    slept.length = 0;
    if (!server.listening) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test('is told, and told again while it is in trouble', async () => {
    answers = [503, 429, 200];
    await post();
    expect(bodies).toEqual([alert, alert, alert]);
    expect(slept).toHaveLength(2);
  });

  test('that says no is not asked again', async () => {
    answers = [404];
    await expect(post()).rejects.toThrow('the webhook answered 404');
    expect(bodies).toHaveLength(1);
  });

  test('that stays in trouble is given up in the end', async () => {
    answers = Array.from({ length: 20 }, () => 500);
    await expect(post()).rejects.toThrow('the webhook answered 500');
    expect(bodies).toHaveLength(6);
  });
});
