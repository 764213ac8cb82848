export * from './endpoint.ts';
export * from './events.ts';
export { digest, permissionText } from './hooks.ts';
export * from './launch.ts';
export * from './preflight.ts';
export { isDialog, readScreen } from './screen.ts';
export * from './tools.ts';
export * from './transcript.ts';
export * from './turn.ts';
