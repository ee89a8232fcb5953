import type { Attribute, ResourceSchema } from './attribute.ts';

const text = (name: string, description: string, more: Partial<Attribute> = {}): Attribute => ({ name, type: 'string', description, ...more });

/** What every resource has (RFC 7643 §3.1). */
const common: readonly Attribute[] = [
  text('id', 'The id of the resource here, a UUID.', { caseExact: true, mutability: 'readOnly', returned: 'always', uniqueness: 'server' }),
  text('externalId', 'The id of the resource at the directory.', { caseExact: true }),
  {
    name: 'meta', type: 'complex', description: 'What is known of the resource itself.', mutability: 'readOnly',
    subAttributes: [
      text('resourceType', 'User or Group.', { caseExact: true, mutability: 'readOnly' }),
      { name: 'created', type: 'dateTime', description: 'When it was made.', mutability: 'readOnly' },
      { name: 'lastModified', type: 'dateTime', description: 'When it was last changed.', mutability: 'readOnly' },
      { name: 'location', type: 'reference', description: 'Where it is.', caseExact: true, mutability: 'readOnly', referenceTypes: ['uri'] },
      text('version', 'Its ETag.', { caseExact: true, mutability: 'readOnly' }),
    ],
  },
];

/** A person, as far as it is kept (RFC 7643 §4.1). */
export const userSchema: ResourceSchema = {
  id: 'urn:ietf:params:scim:schemas:core:2.0:User',
  name: 'User',
  description: 'A person whom the org has made an account for, or who is a member of it.',
  attributes: [
    ...common,
    text('userName', 'The e-mail address that the person logs in with, in a verified domain of the org.', { required: true, uniqueness: 'server' }),
    {
      name: 'name', type: 'complex', description: 'The parts of the name.',
      subAttributes: [text('formatted', 'The whole name.'), text('familyName', 'The family name.'), text('givenName', 'The given name.'), text('middleName', 'Further given names.'), text('honorificPrefix', 'Titles before the name.'), text('honorificSuffix', 'What stands behind the name.')],
    },
    text('displayName', 'What the person is called here.'),
    text('preferredLanguage', 'The language of pages and e-mails, such as de-CH.'),
    text('locale', 'Where the preferred language is not said: that of dates and numbers, such as de-CH.'),
    text('timezone', 'An IANA name such as Europe/Zurich.'),
    { name: 'active', type: 'boolean', description: 'Whether the person may log in as a member of the org.' },
    {
      name: 'emails', type: 'complex', multiValued: true, description: 'Addresses; those who log in use the userName alone.',
      subAttributes: [text('value', 'The address.'), text('display', 'What it is called.'), text('type', 'What it is for.', { canonicalValues: ['work', 'home', 'other'] }), { name: 'primary', type: 'boolean', description: 'Whether it is preferred; one may be.' }],
    },
    {
      name: 'groups', type: 'complex', multiValued: true, mutability: 'readOnly', description: 'The groups that the person is in; changed at the groups.',
      subAttributes: [
        text('value', 'The id of the group.', { caseExact: true, mutability: 'readOnly' }),
        { name: '$ref', type: 'reference', description: 'Where it is.', caseExact: true, mutability: 'readOnly', referenceTypes: ['Group'] },
        text('display', 'What it is called.', { mutability: 'readOnly' }),
        text('type', 'Always direct.', { mutability: 'readOnly', canonicalValues: ['direct'] }),
      ],
    },
  ],
  ignored: ['nickName', 'profileUrl', 'title', 'userType', 'password', 'phoneNumbers', 'ims', 'photos', 'addresses', 'entitlements', 'roles', 'x509Certificates'],
};

/** A group of people (RFC 7643 §4.2). */
export const groupSchema: ResourceSchema = {
  id: 'urn:ietf:params:scim:schemas:core:2.0:Group',
  name: 'Group',
  description: 'A group of people; what roles it gives is said by group mappings.',
  attributes: [
    ...common,
    text('displayName', 'What the group is called; group mappings name it so.', { required: true, uniqueness: 'server' }),
    {
      name: 'members', type: 'complex', multiValued: true, mostValues: 20_000, description: 'The people in the group.',
      subAttributes: [
        text('value', 'The id of the person.', { caseExact: true, mutability: 'immutable' }),
        { name: '$ref', type: 'reference', description: 'Where the person is.', caseExact: true, mutability: 'immutable', referenceTypes: ['User'] },
        text('display', 'What the person is called.', { mutability: 'readOnly' }),
        text('type', 'Always User.', { mutability: 'immutable', canonicalValues: ['User'] }),
      ],
    },
  ],
  ignored: [],
};
