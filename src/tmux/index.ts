export { attachArgv, type AttachCommand, type AttachInput } from './attach.ts';
export { TmuxError, type Reached, type TmuxErrorCode } from './errors.ts';
export { inspectTmux, runTmux, type TmuxAddress, type TmuxVersion } from './one-shot.ts';
export { CLIENT_FORMAT, parseClients, type ClientRow, type PaneRow } from './rows.ts';
export { Tmux, type CaptureOptions, type CreatedSession, type NewSession, type TmuxExit, type TmuxOptions } from './tmux.ts';
