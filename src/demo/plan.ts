import type { NewTask } from '../api/client.ts';
import type { ScriptInput } from './script.ts';

/** The demonstration as data: the repository that it begins with, the work, and what the scripted model does for it. */

export interface DemoTask {
  /** What other tasks of the plan call it. */
  name: string;
  task: Omit<NewTask, 'after'>;
  after: readonly string[];
}

export const REPOSITORY_FILES: Readonly<Record<string, string>> = {
  'README.md': '# Greeter\n\nA program that greets. It has no code yet; three agents are about to write it.\n',
  '.gitignore': 'node_modules/\n',
};

export const GREETING = 'export const greeting = (name) => `Hello, ${name}!`;\n';
export const FAREWELL = 'export const farewell = (name) => `Goodbye, ${name}!`;\n';
const NAMES = "export const names = ['Ada', 'Grace', 'Margaret'];\n";
const PROGRAM = [
  "import { greeting } from './greeting.mjs';",
  "import { farewell } from './farewell.mjs';",
  "import { names } from './names.mjs';",
  '',
  'for (const name of names) console.log(greeting(name), farewell(name));',
  '',
].join('\n');

interface Work extends DemoTask {
  file: string;
  content: string;
  summary: string;
}

const WORK: readonly Work[] = [
  {
    name: 'greeting',
    task: { title: 'Write the greeting', prompt: 'Write greeting.mjs, which exports greeting(name).' },
    after: [],
    file: 'greeting.mjs',
    content: GREETING,
    summary: 'greeting.mjs exports greeting(name).',
  },
  {
    name: 'farewell',
    task: { title: 'Write the farewell', prompt: 'Write farewell.mjs, which exports farewell(name).' },
    after: [],
    file: 'farewell.mjs',
    content: FAREWELL,
    summary: 'farewell.mjs exports farewell(name).',
  },
  {
    name: 'names',
    task: { title: 'Collect the names', prompt: 'Write names.mjs, which exports the list of names.', priority: 'high' },
    after: [],
    file: 'names.mjs',
    content: NAMES,
    summary: 'names.mjs exports three names.',
  },
  {
    name: 'program',
    task: {
      title: 'Put it together',
      prompt: 'Write main.mjs: greet every name, then say goodbye, with the modules of the other tasks.',
    },
    after: ['greeting', 'farewell', 'names'],
    file: 'main.mjs',
    content: PROGRAM,
    summary: 'main.mjs greets and says goodbye to each name.',
  },
];

export const DEMO_TASKS: readonly DemoTask[] = WORK;
/** The task that needs all the others: its tip holds the whole program. */
export const LAST_TASK = 'program';
export const PROGRAM_FILE = 'main.mjs';

/** So long the scripted model seems to think, ms: a person should see the agents at work. */
const THINKING_MS = 700;

/** What the scripted model does, told by the head line of the prompt, since titles of dependencies stand further down. */
export function demoScript(): ScriptInput {
  return {
    rules: WORK.map(({ name, task, file, content, summary }) => ({
      name,
      matches: `^# Task [^:\\n]+: ${task.title}\\n`,
      steps: [
        {
          text: `I'll write ${file}.`,
          tools: [{ name: 'Write', input: { file_path: `{{cwd}}/${file}`, content } }],
          delayMs: THINKING_MS,
          pieceDelayMs: 20,
        },
        { tools: [{ name: 'mcp__swarm__complete_task', input: { summary } }], delayMs: THINKING_MS },
        { text: 'Done.' },
      ],
    })),
    otherwise: 'Done.',
  };
}
