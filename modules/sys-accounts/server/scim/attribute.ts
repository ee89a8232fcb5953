/** An attribute of a SCIM resource, in the words of RFC 7643 §7. What is absent has that standard's default (§2.2). */
export interface Attribute {
  name: string;
  type: 'string' | 'boolean' | 'dateTime' | 'reference' | 'complex';
  description: string;
  multiValued?: true;
  /** How many values it has at most; 50 if absent. */
  mostValues?: number;
  required?: true;
  /** Large and small letters are told apart. */
  caseExact?: true;
  mutability?: 'readOnly' | 'immutable';
  returned?: 'always';
  uniqueness?: 'server';
  canonicalValues?: readonly string[];
  referenceTypes?: readonly string[];
  subAttributes?: readonly Attribute[];
}

/** What a resource of a type is made of. */
export interface ResourceSchema {
  /** A URN. */
  id: string;
  name: string;
  description: string;
  attributes: readonly Attribute[];
  /** Attributes that the standard has and that are not kept here: sent all the same, they are left alone. */
  ignored: readonly string[];
}

/** An attribute, or one of its parts. */
export interface AttributePath {
  attribute: Attribute;
  sub?: Attribute;
}

/** The attribute of a name, however its letters are. */
export const attributeNamed = (attributes: readonly Attribute[], name: string): Attribute | undefined => attributes.find((each) => each.name.toLowerCase() === name.toLowerCase());

/** What an attribute of several values is compared by where no part of it is named. */
export const valueOf = ({ subAttributes = [] }: Attribute): Attribute | undefined => attributeNamed(subAttributes, 'value');

/** A resource or a part of one, as JSON. */
export type Json = Record<string, unknown>;
