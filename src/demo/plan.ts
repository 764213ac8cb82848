import type { AgentKind } from '../domain/agent.ts';
import type { Priority } from '../domain/task.ts';
import type { ScriptInput } from './script.ts';

/** The demonstration as data: its repository, its tasks, and the scripted model's replies. */

export interface DemoTask {
  /** Name by which other tasks of the plan refer to it. */
  name: string;
  title: string;
  priority?: Priority;
  after: readonly string[];
  file: string;
  content: string;
  summary: string;
}

export const DEMO_TASKS: readonly DemoTask[] = [
  {
    name: 'greeting',
    title: 'Write greeting.mjs',
    after: [],
    file: 'greeting.mjs',
    content: 'export const greeting = (name) => `Hello, ${name}!`;\n',
    summary: 'greeting.mjs exports greeting(name).',
  },
  {
    name: 'farewell',
    title: 'Write farewell.mjs',
    after: [],
    file: 'farewell.mjs',
    content: 'export const farewell = (name) => `Goodbye, ${name}!`;\n',
    summary: 'farewell.mjs exports farewell(name).',
  },
  {
    name: 'names',
    title: 'Write names.mjs',
    priority: 'high',
    after: [],
    file: 'names.mjs',
    content: "export const names = ['Ada', 'Grace', 'Margaret'];\n",
    summary: 'names.mjs exports three names.',
  },
  {
    name: 'program',
    title: 'Put main.mjs together',
    after: ['greeting', 'farewell', 'names'],
    file: 'main.mjs',
    content: [
      "import { greeting } from './greeting.mjs';",
      "import { farewell } from './farewell.mjs';",
      "import { names } from './names.mjs';",
      '',
      'for (const name of names) console.log(greeting(name), farewell(name));',
      '',
    ].join('\n'),
    summary: 'main.mjs greets and says goodbye to each name.',
  },
];

/** The task in which an agent asks whether it may run a command. */
export const ASKING_TASK = 'greeting';
/** The task whose agent is killed; the scripted model thinks about it until that happens. */
export const KILLED_TASK = 'farewell';
/** The task that needs all the others: its tip holds the whole program. */
export const LAST_TASK = 'program';
export const PROGRAM_FILE = 'main.mjs';

/** How long the scripted model seems to think, ms: a person should see the agents at work. */
const THINKING_MS = 700;
/**
 * How long a command of a shell agent takes, s. The one that is killed takes longer: its first try is never done
 * before.
 */
const WORK_S = 2;
const KILLED_WORK_S = 60;

const README = '# Greeter\n\nA program that greets. It has no code yet; three agents are about to write it.\n';
const WORK_FILE = 'work.mjs';

/** The files of the throw-away repository. */
export function repositoryFiles(kind: AgentKind): Record<string, string> {
  const files = { 'README.md': README, '.gitignore': 'node_modules/\n' };
  if (kind === 'claude') return files;
  return { ...files, 'swarm.yaml': 'agents: {worker: {kind: shell, count: 3}}\n', [WORK_FILE]: workProgram() };
}

/** A program that stands in for an agent's work where there is no Claude Code. */
function workProgram(): string {
  const contents = Object.fromEntries(DEMO_TASKS.map(({ file, content }) => [file, content]));
  return [
    '// node work.mjs FILE SECONDS: works for a while, then writes the file. A second try takes a second.',
    "import { writeFileSync } from 'node:fs';",
    "import { setTimeout } from 'node:timers/promises';",
    '',
    `const contents = ${JSON.stringify(contents, null, 2)};`,
    'const [file, seconds] = process.argv.slice(2);',
    "const [, , , attempt] = (process.env.SWARM_MARK ?? '').split('/');",
    "await setTimeout(attempt === '1' ? Number(seconds) * 1000 : 1000);",
    'writeFileSync(file, contents[file]);',
    '',
  ].join('\n');
}

/**
 * The words after `swarm` with which a person adds a task.
 * @param idOf ids of the tasks that it comes after, by name
 */
export function addArguments(task: DemoTask, kind: AgentKind, idOf: (name: string) => string): string[] {
  const { name, title, priority, after, file } = task;
  const seconds = name === KILLED_TASK ? KILLED_WORK_S : WORK_S;
  return [
    ...['task', 'add', title],
    ...(priority === undefined ? [] : ['--priority', priority]),
    ...(after.length === 0 ? [] : ['--after', ...after.map(idOf)]),
    ...(kind === 'shell' ? ['--', 'node', WORK_FILE, file, String(seconds)] : []),
  ];
}

type Steps = NonNullable<ScriptInput['rules']>[number]['steps'];

/**
 * The replies of the scripted model, chosen by the head line of the prompt, since titles of dependencies stand further
 * down.
 */
export function demoScript(): ScriptInput {
  return {
    rules: DEMO_TASKS.flatMap((task) => [
      // After the kill the conversation goes on, or a new one takes over: the file exists, and the model thinks no
      // longer.
      {
        name: `${task.name}, interrupted`,
        matches: `^(?:You were interrupted|Another session began).*?[Tt]ask [^:\\n]+: ${task.title}[\\n.]`,
        steps: finish(task),
      },
      // A second attempt begins with a clean worktree.
      {
        name: `${task.name}, again`,
        matches: `^# Task [^:\\n]+: ${task.title}\\n.*## Earlier attempts`,
        steps: [write(task, 'Once more I write'), ...finish(task)],
      },
      { name: task.name, matches: `^# Task [^:\\n]+: ${task.title}\\n`, steps: firstTry(task) },
    ]),
    otherwise: 'Done.',
  };
}

function firstTry(task: DemoTask): Steps {
  const steps = [write(task, "I'll write")];
  if (task.name === ASKING_TASK)
    steps.push({
      text: 'Let me check that it parses.',
      tools: [
        {
          name: 'Bash',
          input: { command: `node --check ${task.file}`, description: `Check that ${task.file} parses` },
        },
      ],
      delayMs: THINKING_MS,
    });
  // Never released: only the kill ends the thinking.
  if (task.name === KILLED_TASK) steps.push({ text: 'Hm, how does one say goodbye …', hold: 'for ever' });
  return [...steps, ...finish(task)];
}

function write({ file, content }: DemoTask, saying: string): Steps[number] {
  return {
    text: `${saying} ${file}.`,
    tools: [{ name: 'Write', input: { file_path: `{{cwd}}/${file}`, content } }],
    delayMs: THINKING_MS,
    pieceDelayMs: 20,
  };
}

function finish({ summary }: DemoTask): Steps {
  return [
    { tools: [{ name: 'mcp__swarm__complete_task', input: { summary } }], delayMs: THINKING_MS },
    { text: 'Done.' },
  ];
}
