"""Why somebody is not let in, named by what they can do about it.

QAError (index.errors)
├── AccessError                    who asks is not known, or may not
│   ├── NotAuthenticatedError      no credential came: log in, or send one
│   ├── CredentialError            it is none of ours, was altered, revoked, or meant for somebody else
│   │   ├── CredentialExpiredError its time is over: get a new one
│   │   └── WrongOriginError       an embed token came from another web origin than its own
│   ├── NotAllowedError            it is good, and not for this
│   ├── CrossSiteError             a browser sent a person's cookie on another site's behalf
│   └── LoginError                 a login could not be finished: begin again
│       └── LoginOverError         it was begun here, and was finished before, or is too old, or another browser's
├── ProviderError                  the identity provider cannot be reached or answers nonsense: try later
├── NotConfiguredError             the operator has not switched this on
├── UnlistedOriginError            a token was wanted for an origin that the operator has not listed
├── TokenTooLongError              a token would be longer than a header may be: name fewer groups
└── RouteWithoutRuleError          a route was added and nobody said who may call it

No message holds a credential, nor what a token says.
"""

from index.errors import QAError


class AccessError(QAError):
    """Who asks is not known, or may not."""


class NotAuthenticatedError(AccessError):
    """No credential came."""


class CredentialError(AccessError):
    """The credential is none of ours, was altered or revoked, or is meant for somebody else."""


class CredentialExpiredError(CredentialError):
    """The credential was good, and its time is over."""


class WrongOriginError(CredentialError):
    """An embed token came from another web origin than the one it is bound to."""


class NotAllowedError(AccessError):
    """The credential is good, but not for this route."""


class CrossSiteError(AccessError):
    """A request on a person's cookie that our own page did not send."""


class LoginError(AccessError):
    """A login was refused, or none was begun here."""


class LoginOverError(LoginError):
    """A login that was begun here is too old, was finished before, or is another browser's."""


class ProviderError(QAError):
    """The identity provider cannot be reached, or what it says cannot be used."""


class NotConfiguredError(QAError):
    """The operator has not configured this way of coming in."""


class UnlistedOriginError(QAError):
    """The operator has not listed the origin for which a token was wanted."""


class TokenTooLongError(QAError):
    """A token would be longer than a header may be."""


class RouteWithoutRuleError(QAError):
    """A route was added and nobody said who may call it."""
