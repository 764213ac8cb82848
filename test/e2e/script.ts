import { complete, write } from '../support/model-tools.ts';
/** The scripted model of the end-to-end tests, which chooses by the first line of the prompt: `# Task t1: <title>`. */

const title = (name: string) => `^# Task t\\d+: ${name}\\b`;

/** How long the model thinks where a test needs time to do harm, ms. */
export const THINKING_MS = 6_000;

function plain(name: string, file: string, content: string) {
  return {
    name,
    matches: title(name),
    steps: [{ tools: [write(file, content)] }, { tools: [complete(`${name} wrote ${file}`)] }],
  };
}

/** Writes one half of a file, thinks, writes the other; interrupted meanwhile it goes on with the other half. */
function slow(name: string) {
  return [
    {
      name: `${name} interrupted`,
      matches: `^You were interrupted .*: ${name}\\b`,
      steps: [{ tools: [write(`${name}-2.txt`, 'second\n')] }, { tools: [complete(`${name} went on`)] }],
    },
    {
      name,
      matches: title(name),
      steps: [
        { tools: [write(`${name}-1.txt`, 'first\n')] },
        { delayMs: THINKING_MS, tools: [write(`${name}-2.txt`, 'second\n')] },
        { tools: [complete(`${name} in one go`)] },
      ],
    },
  ];
}

export const VICTIMS = ['agent', 'wrapper', 'supervisor', 'broker', 'tmux'] as const;
export type Victim = (typeof VICTIMS)[number];

export const script = {
  rules: [
    ...VICTIMS.flatMap((victim) => slow(`survive-${victim}`)),
    plain('base', 'base.txt', 'base\n'),
    plain('left', 'left.txt', 'left\n'),
    plain('right', 'right.txt', 'right\n'),
    {
      name: 'join',
      matches: title('join'),
      steps: [
        { tools: [{ name: 'Bash', input: { command: 'cat base.txt left.txt right.txt', description: 'reads' } }] },
        { tools: [write('joined.txt', 'joined\n')] },
        { tools: [complete('joined')] },
      ],
    },
    {
      name: 'mend',
      matches: '^The check of task',
      steps: [{ tools: [write('checked.txt', 'good\n')] }, { tools: [complete('mended')] }],
    },
    plain('checked', 'checked.txt', 'bad\n'),
    {
      name: 'told',
      matches: 'The answer of the person: (\\w+)',
      steps: [{ tools: [write('colour.txt', '{{1}}\n')] }, { tools: [complete('asked and told')] }],
    },
    {
      name: 'asks',
      matches: title('asks'),
      steps: [
        { tools: [{ name: 'mcp__swarm__ask_person', input: { question: 'Which colour shall it be?' } }] },
        { text: 'I wait.' },
      ],
    },
    {
      name: 'permitted',
      matches: title('permitted'),
      steps: [
        {
          tools: [
            { name: 'Bash', input: { command: 'python3 -c "print(6*7)" > permitted.txt', description: 'computes' } },
          ],
        },
        { tools: [complete('permitted and done')] },
      ],
    },
    {
      name: 'forgetful',
      matches: title('forgetful'),
      steps: [{ tools: [write('forgot.txt', 'x\n')] }, { text: 'All is written.' }],
    },
    { name: 'reminded', matches: '^You ended your turn', steps: [{ text: 'Yes, all of it is written.' }] },
  ],
};
