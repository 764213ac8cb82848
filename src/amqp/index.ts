export { AmqpConnection } from './connection.ts';
export type { AmqpOptions } from './connection.ts';
export { peek } from './peek.ts';
export type {
  AmqpChannel,
  AmqpState,
  ConsumeOptions,
  Consumption,
  Delivery,
  Handler,
  Outcome,
  PublishOptions,
} from './types.ts';
