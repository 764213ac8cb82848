// Inside, as the person: `scripts/swarm up 3` at a terminal, as far as it goes before a login. Three agents
// say how to log in, the queue is there, and after `down` nothing is left. Written for Debian's own Node, which is old.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import process from 'node:process';

/** Texts on the person's screen, and the keys that they type then. */
const HABITS = [
  { sees: /\[y\/n\]\s*$/i, types: 'y\r' },
  { sees: /q leave/, types: 'q' },
];
const SWARM = 'scripts/swarm';
const COMMAND = `${SWARM} up 3`;
const UP_MS = 900_000;
const BROKER_MS = 240_000;
const POLL_MS = 500;
const TO_LINE_START = /\u001B\[\d*[GD]/g;
const ESCAPES = /\u001B(?:\[[0-9;?<>=]*[A-Za-z]|\][^\u0007\u001B]*(?:\u0007|\u001B\\)|[()][A-Z0-9]|[=>78])/g;

/** Resolves with the whole output of the terminal, and the exit of the command. */
function atTerminal(command) {
  return new Promise((resolve, reject) => {
    const argv = ['--quiet', '--return', '--flush', '--command', command, '/dev/null'];
    const terminal = spawn('script', argv, { stdio: ['pipe', 'pipe', 'inherit'], timeout: UP_MS });
    let all = '';
    let line = '';
    let unanswered = '';
    terminal.stdout.setEncoding('utf8').on('data', (chunk) => {
      const text = chunk.replace(TO_LINE_START, '\r').replace(ESCAPES, '');
      all += text;
      const lines = (line + text).split('\n');
      line = lines.pop();
      for (const each of lines) console.log(lastOf(each));
      unanswered += text;
      const habit = HABITS.find(({ sees }) => sees.test(unanswered));
      if (habit === undefined) return;
      unanswered = '';
      terminal.stdin.write(habit.types);
    });
    terminal.on('error', reject);
    terminal.on('exit', (code) => resolve({ shown: all, code }));
  });
}

/** The visible text of a line that was overwritten, as lines of progress are. */
const lastOf = (line) =>
  (
    line
      .split('\r')
      .filter((part) => part.trim() !== '')
      .pop() ?? ''
  ).slice(0, 200);

const swarm = (...args) => execFileSync(SWARM, args, { encoding: 'utf8' });
const status = () => JSON.parse(swarm('status', '--json'));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function untilBrokerIsUp() {
  const deadline = Date.now() + BROKER_MS;
  for (;;) {
    const { broker } = status();
    if (broker.state === 'up') return;
    assert(Date.now() < deadline, `the broker is still ${broker.state}: ${broker.reason}`);
    await pause(POLL_MS);
  }
}

/** Command lines of all processes of this person's account, except those that lead to this program. */
function living() {
  const lines = new Map();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (statSync(`/proc/${pid}`).uid === process.getuid())
        lines.set(Number(pid), readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim());
    } catch (error) {
      if (!['ENOENT', 'ESRCH'].includes(error.code)) throw error;
    }
  }
  return lines;
}

const before = living();
const { shown, code } = await atTerminal(COMMAND);
assert.match(shown, /not found: tmux.*RabbitMQ\. Install with apt\?/);
assert.match(shown, /Claude Code is not installed\. Install/);
assert.equal(code, 0, `${COMMAND} ended with ${code}`);

const { agents, needsYou } = status();
assert.deepEqual(
  agents.map(({ id, status: state }) => `${id} ${state}`),
  ['worker-1 needs-you', 'worker-2 needs-you', 'worker-3 needs-you'],
);
assert.deepEqual(
  needsYou.map(({ kind }) => kind),
  ['login', 'login', 'login'],
);
const [, login] = /Run `([^`]+)` once, log in/.exec(needsYou[0].text);
assert.match(
  execFileSync('sh', ['-c', `${login} --version`], { encoding: 'utf8' }),
  /Claude Code/,
  `${login} is what to run`,
);
await untilBrokerIsUp();

swarm('down');
const left = [...living()].filter(([pid]) => !before.has(pid)).map(([pid, line]) => `${pid} ${line}`);
assert.deepEqual(left, [], 'after down nothing is left');
