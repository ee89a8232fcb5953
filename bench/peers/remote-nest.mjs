// A microservice of NestJS and its client, over TCP. Its decorators are plain functions, called here as such.
import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxyFactory, MessagePattern, Payload, Transport } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';

class EchoController {
  echo({ text }) {
    return { text };
  }
}
Controller()(EchoController);
MessagePattern('echo')(EchoController.prototype, 'echo', Object.getOwnPropertyDescriptor(EchoController.prototype, 'echo'));
Payload()(EchoController.prototype, 'echo', 0);

class EchoModule {}
Module({ controllers: [EchoController] })(EchoModule);

export async function serve() {
  const app = await NestFactory.createMicroservice(EchoModule, { logger: false, transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } });
  const server = await app.listen();
  return String((server ?? app.unwrap()).address().port);
}

export async function connect(address) {
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port: Number(address) } });
  await client.connect();
  return async (text) => (await firstValueFrom(client.send('echo', { text }))).text;
}
