import { appendFileSync, fstatSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startMessagesApi } from './api.ts';
import type { ScriptInput } from './script.ts';

/**
 * The scripted Messages API as a process of its own: `main.ts --script FILE [--log FILE] [--port N]`. Prints its URL as
 * the first line; writes each request as one JSON line to the log; ends on SIGTERM, SIGINT, or when its stdin, where
 * that is a pipe, is closed.
 */
const { values } = parseArgs({
  options: { script: { type: 'string' }, log: { type: 'string' }, port: { type: 'string' } },
});
const script = values.script === undefined ? {} : (JSON.parse(readFileSync(values.script, 'utf8')) as ScriptInput);
const { log } = values;
const api = await startMessagesApi({
  script,
  port: values.port === undefined ? undefined : Number(values.port),
  onRequest:
    log === undefined ? undefined : (request) => appendFileSync(log, `${JSON.stringify(request)}\n`, { mode: 0o600 }),
});
process.stdout.write(`${api.url}\n`);

let ending = false;
const end = (): void => {
  if (ending) return;
  ending = true;
  void api.close().then(() => process.exit(0));
};
process.on('SIGTERM', end);
process.on('SIGINT', end);
// A killed parent cannot send a signal: its end of the pipe closes.
const stdin = fstatSync(0);
if (stdin.isFIFO() || stdin.isSocket()) process.stdin.on('end', end).on('error', end).resume();
