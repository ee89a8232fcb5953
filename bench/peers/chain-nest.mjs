// The chain on NestJS: the role named in ROLES is a microservice over TCP, or the door, an HTTP application; NODES names all
// microservices and their ports. Its decorators are plain functions, called here as such.
import 'reflect-metadata';
import { Controller, Get, HttpException, Module, Param, ParseUUIDPipe, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxyFactory, MessagePattern, Payload, Transport } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { handlerOf } from './chain.mjs';
import { announce, signedIn } from './peer.mjs';

const role = process.env.ROLES;
const nodes = JSON.parse(process.env.NODES);
const clients = new Map();
const clientOf = (name) => clients.get(name) ?? clients.set(name, ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port: nodes[name] } })).get(name);
const call = (name, request) => firstValueFrom(clientOf(name).send('get', request));

const decorate = (controller, name, decorator, ...parameters) => {
  decorator(controller.prototype, name, Object.getOwnPropertyDescriptor(controller.prototype, name));
  parameters.forEach((parameter, at) => parameter(controller.prototype, name, at));
};
const moduleOf = (controller) => {
  class AppModule {}
  Module({ controllers: [controller] })(AppModule);
  return AppModule;
};

if (role === 'door') await openDoor();
else await serve();

async function serve() {
  const answer = await handlerOf(role, call);
  class RoleController {
    get(request) {
      return answer(request);
    }
  }
  Controller()(RoleController);
  decorate(RoleController, 'get', MessagePattern('get'), Payload());
  const app = await NestFactory.createMicroservice(moduleOf(RoleController), { logger: false, transport: Transport.TCP, options: { host: '127.0.0.1', port: nodes[role] } });
  await app.listen();
  announce(nodes[role]);
}

async function openDoor() {
  const { token, authenticate } = await signedIn();
  class TokenGuard {
    async canActivate(context) {
      if (!(await authenticate(context.switchToHttp().getRequest().headers.authorization))) throw new HttpException('sign in', 401);
      return true;
    }
  }
  class ParcelsController {
    get(id) {
      return call('parcels', { id });
    }
  }
  decorate(ParcelsController, 'get', Get(':id'), Param('id', ParseUUIDPipe));
  UseGuards(TokenGuard)(ParcelsController);
  Controller('v1/parcels')(ParcelsController);
  const app = await NestFactory.create(moduleOf(ParcelsController), { logger: ['error'] });
  await app.listen(0, '127.0.0.1');
  announce(app.getHttpServer().address().port, token);
}
