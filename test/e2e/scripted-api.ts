import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { repositoryRoot } from '../support/environment.ts';

export interface ApiRequest {
  at: string;
  kind: 'turn' | 'side' | 'count-tokens' | 'models' | 'other';
  session: string;
  prompt: string;
  rule: string | null;
  step: number | null;
}

export interface ScriptedApi extends AsyncDisposable {
  url: string;
  /** The turns' requests, oldest first. */
  turns(): ApiRequest[];
}

/** The scripted Messages API as a process of its own, from the same build as the swarm under test. */
export async function startScriptedApi(directory: string, script: unknown): Promise<ScriptedApi> {
  const build = readFileSync(path.join(repositoryRoot, 'dist/current'), 'utf8').trim();
  const scriptFile = path.join(directory, 'script.json');
  const log = path.join(directory, 'requests.jsonl');
  await writeFile(scriptFile, JSON.stringify(script));
  const program = path.join(repositoryRoot, 'dist', build, 'demo.js');
  const child = spawn(process.execPath, [program, '--script', scriptFile, '--log', log], {
    env: {},
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout);
  const [url] = (await once(lines, 'line')) as [string];
  return {
    url,
    turns: () => {
      if (!existsSync(log)) return [];
      const text = readFileSync(log, 'utf8');
      // The last line may be half written.
      const whole = text
        .slice(0, text.lastIndexOf('\n') + 1)
        .split('\n')
        .filter(Boolean);
      return whole.map((line) => JSON.parse(line) as ApiRequest).filter((request) => request.kind === 'turn');
    },
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}
