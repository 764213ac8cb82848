import { setImmediate as nextTurn } from 'node:timers/promises';
import { Box, Text, useApp, useInput, usePaste, useStdin, useWindowSize } from 'ink';
import { memo, useCallback, useSyncExternalStore } from 'react';
import { problemText, type Dash } from './dash.ts';
import { keyNames } from './key-names.ts';
import type { PaneView, View } from './view.ts';

export interface AppProps {
  dash: Dash;
  /** Shows the agent's pane on the terminal until the person comes back. */
  attach(agent: string): Promise<void>;
}

/** More characters at once than a person types: they are pasted, by a terminal that does not mark a paste. */
const TYPED_AT_ONCE = 4;

export function App({ dash, attach }: AppProps) {
  const { columns, rows } = useWindowSize();
  const view = useSyncExternalStore(dash.subscribe, () => dash.view(columns, rows));
  useKeys(dash, attach);
  return <Screen view={view} />;
}

/**
 * Whether the keys were pasted. A command line that begins in the same moment is no danger: only its Enter does
 * something.
 */
function looksPasted(keys: readonly string[]): boolean {
  return keys.length > TYPED_AT_ONCE && new Set(keys).size > 1 && keys[0] !== ':';
}

function useKeys(dash: Dash, attach: AppProps['attach']): void {
  const { exit, suspendTerminal } = useApp();
  const { stdin } = useStdin();
  const hand = useCallback(
    async (agent: string) => {
      try {
        await suspendTerminal(async () => {
          // Ink has let go of the keys, but Node goes on to read them, and takes every other one from tmux. A stream
          // can be paused only once it has noticed that it has no listener.
          await nextTurn();
          stdin.pause();
          await attach(agent);
        });
      } catch (error) {
        dash.say(problemText(error), true);
      }
    },
    [dash, attach, stdin, suspendTerminal],
  );
  useInput((input, key) => {
    const keys = keyNames(input, key);
    if (dash.ui.line === null && looksPasted(keys)) {
      dash.paste(input);
      return;
    }
    for (const name of keys) {
      const effect = dash.press(name);
      if (effect?.do === 'quit') exit();
      if (effect?.do === 'attach') void hand(effect.agent);
    }
  });
  usePaste((text) => dash.paste(text));
}

/** One node per line: what Ink costs is its nodes. */
const Line = memo(function Line({ text }: { text: string }) {
  return <Text wrap="truncate-end">{text === '' ? ' ' : text}</Text>;
});

function Lines({ lines }: { lines: readonly string[] }) {
  // A line is its place on the screen: there is no other identity.
  return lines.map((line, row) => <Line key={row} text={line} />);
}

function Pane({ pane }: { pane: PaneView }) {
  return (
    <>
      <Line text={pane.title} />
      <Lines lines={pane.lines} />
    </>
  );
}

function Screen({ view }: { view: View }) {
  return (
    <Box flexDirection="column">
      <Line text={view.header} />
      {view.banner === null ? null : <Line text={view.banner} />}
      {view.panes.map((pane) => (
        <Pane key={pane.name} pane={pane} />
      ))}
      {view.text === null ? null : <Lines lines={view.text} />}
      <Lines lines={view.footer} />
    </Box>
  );
}
