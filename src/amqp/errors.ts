import { errorText, SwarmError } from '../domain/errors.ts';

export function notConnected(detail: string): SwarmError {
  return new SwarmError('amqp-not-connected', `Not connected to RabbitMQ: ${detail}`, {
    retrySafe: true,
    hint: 'Try again when it is back; `swarm broker status` shows it.',
  });
}

export function blocked(reason: string): SwarmError {
  return new SwarmError('amqp-blocked', `RabbitMQ takes no messages now: ${reason}`, {
    retrySafe: true,
    hint: 'Free memory or disk space for the broker, then try again.',
  });
}

export function unroutable(exchange: string, routingKey: string): SwarmError {
  const where = exchange === '' ? `queue "${routingKey}"` : `exchange "${exchange}" with key "${routingKey}"`;
  return new SwarmError('unroutable', `No queue takes a message for ${where}`, {
    retrySafe: true,
    hint: 'Start the project with `swarm up`: that declares its queues.',
  });
}

/** The broker may or may not have the message: send it again under the same id, receivers drop a double. */
export function unconfirmed(cause: unknown): SwarmError {
  return new SwarmError('amqp-unconfirmed', `RabbitMQ did not confirm the message: ${errorText(cause)}`, { cause });
}

export function refused(cause: unknown): SwarmError {
  return new SwarmError('amqp-refused', `The message cannot be sent: ${errorText(cause)}`, { cause });
}

export function noReply(queue: string, timeoutMs: number): SwarmError {
  return new SwarmError('amqp-timeout', `No reply from "${queue}" within ${timeoutMs} ms`, {
    exitCode: 3,
    hint: 'See with `swarm status` whether the supervisor runs, then try again.',
  });
}

export function isClosedChannel(error: unknown): boolean {
  return error instanceof Error && error.name === 'IllegalOperationError';
}
