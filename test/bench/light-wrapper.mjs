// Stands in for the wrapper of a `shell` agent in a benchmark of the supervisor: a process in the agent's pane, with a
// fifth of a real wrapper's memory, that sends over the link what a real one sends and obeys its orders. Its heartbeats
// go to the broker by way of the benchmark. SIGUSR1: it holds the task in the file `SPEC.task`; its pid is in
// `SPEC.pid`.
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';

const file = process.argv[process.argv.indexOf('--spec') + 1];
const spec = JSON.parse(readFileSync(file, 'utf8'));
const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
const stat = readFileSync('/proc/self/stat', 'utf8');
const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
const now = () => new Date().toISOString();

const snapshot = {
  agent: spec.agent,
  kind: spec.kind,
  slots: spec.slots,
  incarnation: `light-${spec.agent}`,
  wrapper: { pid: process.pid, startTime, bootId },
  buildId: spec.buildId,
  startedAt: now(),
  child: null,
  sessionId: null,
  transcriptPath: null,
  turn: 'ready',
  turnSince: now(),
  lastProgressAt: null,
  tasks: [],
  needsYou: [],
  held: null,
  paused: false,
  restarts: 0,
  lastExit: null,
  failure: null,
  usage: { costUsd: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 },
  contextPercent: null,
  branch: null,
  checkpoint: null,
  amqp: 'connected',
  spooled: [],
};

let socket;
const send = (message) => socket.write(`${JSON.stringify(message)}\n`);

function obey({ id, order }) {
  if (order.do === 'pause' || order.do === 'resume') {
    snapshot.paused = order.do === 'pause';
    send({ type: 'snapshot', snapshot });
  }
  send({ type: 'ack', id, ok: true, result: null });
  if (order.do === 'stop') socket.end(() => process.exit(0));
}

function dial() {
  let text = '';
  socket = net.connect(spec.linkSocket);
  socket.on('connect', () => send({ type: 'hello', protocol: 1, token: spec.token, snapshot }));
  socket.on('error', () => undefined).on('close', () => setTimeout(dial, 500));
  socket.on('data', (chunk) => {
    text += chunk;
    const lines = text.split('\n');
    text = lines.pop();
    for (const message of lines.map((line) => JSON.parse(line))) if (message.type === 'order') obey(message);
  });
}

writeFileSync(`${file}.pid`, String(process.pid));
process.on('SIGTERM', () => process.exit(0));
process.on('SIGUSR1', () => {
  snapshot.tasks = [JSON.parse(readFileSync(`${file}.task`, 'utf8'))];
  Object.assign(snapshot, { turn: 'busy', turnSince: now(), lastProgressAt: now() });
  send({ type: 'snapshot', snapshot });
});
dial();
