"""Names that stand before secrets everywhere: of headers, of members of JSON, of query parameters and form fields."""

from typing import Final

HEADERS: Final = (
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "x-abreast-*",
    "x-amz-security-token",
    "x-api-key",
    "x-auth-token",
    "x-csrf-token",
    "x-goog-api-key",
)
"""Headers that are always redacted, as globs."""

MEMBERS: Final = frozenset(
    {
        "access_token",
        "api_key",
        "apikey",
        "client_secret",
        "id_token",
        "passwd",
        "password",
        "private_key",
        "refresh_token",
        "secret",
        "session_token",
    }
)
"""Members of JSON that are always redacted: names that mean nothing else."""

PARAMETERS: Final = MEMBERS | {
    "access_key",
    "assertion",
    "auth",
    "auth_token",
    "awsaccesskeyid",
    "code",
    "code_verifier",
    "jwt",
    "key",
    "otp",
    "pass",
    "passphrase",
    "pin",
    "pwd",
    "session",
    "session_id",
    "sessionid",
    "sid",
    "sig",
    "signature",
    "token",
    "x_amz_credential",
    "x_amz_security_token",
    "x_amz_signature",
    "x_goog_credential",
    "x_goog_signature",
}
"""Query parameters and form fields that are always redacted, with ``-`` written as ``_``."""
