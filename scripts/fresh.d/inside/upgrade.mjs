// Inside, as the person: what they do on one Debian between two others, and what they find of the time before. Written
// for Debian's own Node, which is old. HOME alone remembers; what must not be lost stands in STORY.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';

const HOME = os.homedir();
const CHECKOUT = path.join(HOME, 'src/swarm');
const REPOSITORY = path.join(HOME, 'work');
const STORY = path.join(HOME, 'story.json');
const BROKER = path.join(HOME, '.local/state/swarm/broker');
const SETTINGS = 'agents: {worker: {count: 0}, runner: {kind: shell, count: 2}}\n';
const UP_MS = 900_000;
const PATIENCE_MS = 240_000;
const POLL_MS = 500;
/** Chapters: 12, 13, 12, and 13 again after a power failure. */
const LAST = 4;

const [part] = process.argv.slice(2);
const story =
  part === 'begin'
    ? {
        chapter: 0,
        passed: 0,
        failed: 0,
        tasks: {},
        unfinished: [],
        checkpoints: [],
        submitted: [],
        dead: 0,
        version: null,
      }
    : JSON.parse(readFileSync(STORY, 'utf8'));
story.chapter += 1;
const { chapter } = story;

const run = promisify(execFile);
const git = (...args) => execFileSync('git', ['-C', REPOSITORY, ...args], { encoding: 'utf8' }).trim();
async function swarm(...args) {
  const options = { cwd: REPOSITORY, encoding: 'utf8', timeout: UP_MS, maxBuffer: 1 << 26 };
  const { stdout, stderr } = await run(path.join(CHECKOUT, 'scripts/swarm'), args, options);
  return { stdout, said: `${stdout}${stderr}` };
}
// What follows -- is not swarm's.
const json = async (...args) => JSON.parse((await swarm('--json', ...args)).stdout);
const status = () => json('status');
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks until the answer is right. */
async function until(what, ask, isRight) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (isRight(answer)) return answer;
    assert(Date.now() < deadline, `still not ${what}: ${JSON.stringify(answer)}`);
    await pause(POLL_MS);
  }
}

/** One line of the story; `act` may return more to tell. */
async function tell(line, act) {
  const began = Date.now();
  let more;
  let failure = null;
  try {
    more = await act();
    story.passed += 1;
  } catch (error) {
    story.failed += 1;
    failure = error;
  }
  const seconds = `${Math.round((Date.now() - began) / 1000)} s`;
  console.log(`${failure === null ? 'ok    ' : 'FAILED'} ${line}${more === undefined ? '' : `: ${more}`}  ${seconds}`);
  if (failure !== null) console.log(indented(failure));
}
const indented = ({ message, stdout = '', stderr = '' }) =>
  `${message}\n${stdout}\n${stderr}`.trimEnd().replace(/^/gm, '         ');

const tasks = () => json('task', 'ls');
const taskOf = (id) => json('task', 'show', id);
const checkpoints = async () =>
  (await Promise.all(['runner-1', 'runner-2'].map((agent) => json('checkpoint', 'ls', agent)))).flat();
const deadLetters = ({ queues }) => queues.find(({ name }) => name.endsWith('.agent.tasks.dead'))?.messages ?? 0;
const asides = () => readdirSync(BROKER).filter((name) => name.startsWith('mnesia-'));
const brokerFile = () => JSON.parse(readFileSync(path.join(BROKER, 'broker.json'), 'utf8'));

/** As another program would, such as CI: durable, mandatory and confirmed. */
async function publish(body) {
  const { hash } = (await status()).project;
  const { ports, credentials } = brokerFile();
  const { user, password, vhost } = credentials;
  const amqp = createRequire(path.join(CHECKOUT, 'package.json'))('amqplib');
  const connection = await amqp.connect(`amqp://${user}:${password}@127.0.0.1:${ports.amqp}/${vhost}`);
  try {
    const channel = await connection.createConfirmChannel();
    const returned = new Promise((resolve) => channel.on('return', resolve));
    channel.publish('', `${hash}.agent.submit`, Buffer.from(body), {
      persistent: true,
      mandatory: true,
      messageId: `m-${chapter}-${body.length}`,
    });
    await channel.waitForConfirms();
    const refused = await Promise.race([returned.then(() => true), pause(500).then(() => false)]);
    assert(!refused, 'RabbitMQ has no queue for it');
  } finally {
    await connection.close();
  }
}

const submission = (title) =>
  JSON.stringify({
    v: 1,
    id: `id-${chapter}`,
    type: 'task.submit',
    from: 'ci',
    at: '2030-01-01T04:00:00Z',
    payload: { title, key: title },
  });

async function add(title, script, ...options) {
  const { id } = await json('task', 'add', title, ...options, '--', 'sh', '-c', script);
  return id;
}

const gate = (name) => path.join(HOME, `gate-${name}`);
const hold = (name) =>
  `echo begun > ${name}.txt; until [ -e ${gate(name)} ]; do sleep 0.1; done; echo ended >> ${name}.txt`;

async function up() {
  if (part === 'begin') {
    mkdirSync(REPOSITORY);
    git('init', '--quiet', '--initial-branch=main');
    git('config', 'user.name', 'Ada');
    git('config', 'user.email', 'ada@example.org');
    writeFileSync(path.join(REPOSITORY, 'swarm.yaml'), SETTINGS);
    git('add', '.');
    git('commit', '--quiet', '--message', 'Begin');
  }
  const said = [];
  await tell('swarm up --yes', async () => void said.push((await swarm('up', '--detach', '--yes')).said));
  await tell('RabbitMQ is up', async () => {
    await until(
      'up',
      async () => (await status()).broker,
      ({ state }) => state === 'up',
    );
    const before = story.version;
    const { version, tree } = brokerFile().node;
    story.version = version;
    return `${version}${before === null ? '' : ` after ${before}`}, its tree of plugins is ${tree}`;
  });
  await tell('both agents are there', () =>
    until(
      'there',
      async () => (await status()).agents,
      (agents) => agents.length === 2 && agents.every((agent) => ['idle', 'working'].includes(agent.status)),
    ).then(() => undefined),
  );
  if (part === 'begin') return;
  await tell('that data were set aside is said, in one line', async () => {
    const lines = (await swarm('status')).stdout.split('\n').filter((line) => /cannot read the data/.test(line));
    assert.equal(lines.length, 1, lines.join('\n'));
    story.line = lines[0];
    return `\n         ${lines[0].trim()}`;
  });
  await tell('the old data lie where that says, whole', () => {
    const place = /they lie in (\S+?)[;,]/.exec(story.line ?? '')?.[1];
    assert(place !== undefined && existsSync(path.join(place, 'swarm@localhost')), `${place} is not there`);
    assert.equal(asides().length, chapter - 1, asides().join(' '));
    return asides().join(' ');
  });
}

/** What was there before must be there still. */
async function lookBack() {
  await tell('tasks that were done are done still, with their commits', async () => {
    for (const [id, { title, commit }] of Object.entries(story.tasks)) {
      const task = await taskOf(id);
      assert.deepEqual([task.title, task.state, task.result?.commit], [title, 'done', commit]);
      assert.equal(git('cat-file', '-t', commit), 'commit');
    }
    return Object.keys(story.tasks).length;
  });
  await tell('what was submitted while no supervisor was there has arrived, once', async () => {
    for (const title of story.submitted)
      await until(
        `there: ${title}`,
        async () => (await tasks()).filter((task) => task.title === title).length,
        (count) => count === 1,
      );
    return story.submitted.length;
  });
  await tell('dead letters are there', async () => {
    await until(
      `${story.dead}`,
      async () => deadLetters(await status()),
      (count) => count === story.dead,
    );
    return story.dead;
  });
  await tell('tasks that ran, waited or were ready go on', async () => {
    writeFileSync(gate(chapter - 1), '');
    for (const id of story.unfinished) await finished(id);
    return story.unfinished.join(' ');
  });
  story.unfinished = [];
  await tell('checkpoints from before are there', async () => {
    const numbers = new Set((await checkpoints()).map(({ ref }) => ref));
    assert.deepEqual(
      story.checkpoints.filter((ref) => !numbers.has(ref)),
      [],
    );
    return story.checkpoints.length;
  });
  await tell('a result from before can be merged', async () => {
    const [id] = Object.keys(story.tasks).slice(-1);
    await swarm('merge', id);
    return id;
  });
}

async function finished(id) {
  await swarm('task', 'wait', id, '--timeout', '4m');
  const { title, state, result } = await taskOf(id);
  assert.equal(state, 'done', `${id} is ${state}`);
  story.tasks[id] = { title, commit: result.commit };
}

async function work() {
  await tell('a task is done', async () =>
    finished(await add(`built in ${chapter}`, `echo ${chapter} > built-${chapter}.txt`)),
  );
  story.checkpoints = (await checkpoints()).map(({ ref }) => ref);
  await tell('one runs, one waits for it, and what cannot be read is a dead letter', async () => {
    const running = await add(`running in ${chapter}`, hold(chapter));
    const after = await add(`after it in ${chapter}`, `grep ended ${chapter}.txt`, '--after', running);
    story.unfinished = [running, after];
    await until(
      'running',
      () => taskOf(running),
      ({ state }) => state === 'running',
    );
    await publish('{"v": 1, "this is": "no task"}');
    story.dead += 1;
    await until(
      'a dead letter',
      async () => deadLetters(await status()),
      (count) => count === story.dead,
    );
  });
}

async function end() {
  await tell('swarm down', () => swarm('down').then(() => undefined));
  await tell('CI submits a task while no supervisor is there; then RabbitMQ ends', async () => {
    const { said } = await swarm('broker', 'start');
    assert.doesNotMatch(said, /cannot read/, 'what was set aside is said again');
    const title = `from CI after ${chapter}`;
    await publish(submission(title));
    story.submitted.push(title);
    await swarm('broker', 'stop');
  });
}

await up();
if (part !== 'begin') await lookBack();
if (chapter < LAST) {
  await work();
  if (chapter === LAST - 1) console.log('       the power goes off');
  else await end();
} else {
  await tell('swarm down', () => swarm('down').then(() => undefined));
  console.log(`\n${story.passed} passed, ${story.failed} failed`);
}
writeFileSync(STORY, JSON.stringify(story, null, 2));
process.exit(story.failed > 0 ? 1 : 0);
