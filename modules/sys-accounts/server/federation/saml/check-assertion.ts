import { currentTime } from '@mainstay/kernel';
import type { Profile } from '@node-saml/node-saml';
import { SamlRefused } from './saml-refused.ts';

/** What an answer is to be like. */
export interface Expected {
  requestId: string;
  /** The person was to prove anew who they are, after this moment; absent if not. */
  provenSince?: Date;
  skewSeconds: number;
}

/** As the library gives XML: each element is a list of those of its name, `$` its attributes, `_` its text. */
interface Node {
  $?: Record<string, string | undefined>;
  _?: string;
  [child: string]: unknown;
}

/** Whom an assertion must come from, and be for. */
interface Sides extends Expected {
  issuer: string;
  audience: string;
  recipient: string;
}

/** What is kept of an assertion that holds. */
export interface AssertionFacts {
  assertionId: string;
  /** It is good no more from then on, clocks that differ included. */
  goodUntil: Date;
  /** How the person proved who they are (Core, 2.7.2.2); empty if it does not say. */
  context: string;
}

const bearer = 'urn:oasis:names:tc:SAML:2.0:cm:bearer';

/** Checks an assertion whose signature holds: whom it is from and for, what it answers, and when it is good (Profiles, 4.1.4.3). Throws `SamlRefused`. */
export function checkAssertion(profile: Profile, sides: Sides): AssertionFacts {
  const { Assertion: assertion } = profile.getAssertion!() as { Assertion: Node };
  const id = assertion.$?.ID ?? '';
  if (assertion.$?.Version !== '2.0' || id === '') throw new SamlRefused('UNREADABLE');
  if (textOf(first(assertion, 'Issuer')) !== sides.issuer) throw new SamlRefused('WRONG_ISSUER');
  checkConditions(first(assertion, 'Conditions'), sides);
  const goodUntil = confirmedUntil(all(first(assertion, 'Subject'), 'SubjectConfirmation'), sides);
  const statement = first(assertion, 'AuthnStatement');
  if (!statement) throw new SamlRefused('UNREADABLE', 'it does not say that the person logged in');
  checkMoment(statement.$?.SessionNotOnOrAfter, 'end', sides);
  if (sides.provenSince && (momentOf(statement.$?.AuthnInstant) ?? 0) < sides.provenSince.getTime() - skew(sides)) throw new SamlRefused('NOT_FRESH');
  return { assertionId: id, goodUntil: new Date(goodUntil + skew(sides)), context: textOf(first(first(statement, 'AuthnContext'), 'AuthnContextClassRef')) };
}

function checkConditions(conditions: Node | undefined, sides: Sides): void {
  checkMoment(conditions?.$?.NotBefore, 'begin', sides);
  checkMoment(conditions?.$?.NotOnOrAfter, 'end', sides);
  const restrictions = all(conditions, 'AudienceRestriction');
  // Each of them must name us (Core, 2.5.1.4).
  const isForUs = restrictions.length > 0 && restrictions.every((restriction) => all(restriction, 'Audience').some((audience) => textOf(audience) === sides.audience));
  if (!isForUs) throw new SamlRefused('WRONG_AUDIENCE');
}

/** Until when one of the confirmations says that who brings the assertion is its subject; the first that is wrong says why, if none is right. */
function confirmedUntil(confirmations: readonly Node[], sides: Sides): number {
  let refused = new SamlRefused('UNREADABLE', 'it confirms nobody by bearer');
  for (const { data } of confirmations.filter(({ $ }) => $?.Method === bearer).map((one) => ({ data: first(one, 'SubjectConfirmationData') }))) {
    try {
      if (data?.$?.Recipient !== sides.recipient) throw new SamlRefused('WRONG_DESTINATION');
      if (data.$.InResponseTo !== sides.requestId) throw new SamlRefused('WRONG_REQUEST');
      if (data.$.NotOnOrAfter === undefined) throw new SamlRefused('UNREADABLE', 'it does not say until when it is good');
      checkMoment(data.$.NotBefore, 'begin', sides);
      checkMoment(data.$.NotOnOrAfter, 'end', sides);
      return momentOf(data.$.NotOnOrAfter)!;
    } catch (error) {
      refused = error as SamlRefused;
    }
  }
  throw refused;
}

/** A moment at which something begins to be good, or ends; absent, it says nothing. */
function checkMoment(text: string | undefined, is: 'begin' | 'end', sides: Expected): void {
  if (text === undefined) return;
  const moment = momentOf(text);
  if (moment === undefined) throw new SamlRefused('UNREADABLE', 'it holds a time that is none');
  const now = currentTime().getTime();
  const isWrong = is === 'begin' ? now + skew(sides) < moment : now - skew(sides) >= moment;
  if (isWrong) throw new SamlRefused('OUT_OF_TIME', `${is === 'begin' ? 'it begins' : 'it ended'} ${Math.round(Math.abs(moment - now) / 1000)} s ${moment > now ? 'from now' : 'ago'}`);
}

/** Moments are in UTC (Core, 1.3.3). */
function momentOf(text: string | undefined): number | undefined {
  const moment = text !== undefined && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(moment) ? undefined : moment;
}

const skew = ({ skewSeconds }: Expected): number => skewSeconds * 1000;
const all = (node: Node | undefined, name: string): Node[] => (node && Object.hasOwn(node, name) ? (node[name] as (Node | string)[]).map((one) => (typeof one === 'string' ? { _: one } : one)) : []);
const first = (node: Node | undefined, name: string): Node | undefined => all(node, name)[0];
const textOf = (node: Node | undefined): string => node?._?.trim() ?? '';
