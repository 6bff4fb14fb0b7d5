"""What a column was given beside its values, for the one that takes its place: rights of others, planner settings."""

from abreast.schema.names import Relation, ident, literal


def carried_over(table: Relation, old: str, new: str) -> str:
    """A statement that gives the column ``new`` what ``old`` has by now.

    The source of facts is pg_attribute: attacl, attstattarget (-1, from PostgreSQL 17 on NULL, is the default) and
    attoptions. https://www.postgresql.org/docs/current/catalog-pg-attribute.html
    """
    escaped, column = literal(table.sql), literal(ident(new))
    body = f"""
DECLARE found record; granted record;
BEGIN
  SELECT a.attacl, coalesce(a.attstattarget, -1) AS target, array_to_string(a.attoptions, ', ') AS options INTO found
    FROM pg_catalog.pg_attribute a
   WHERE a.attrelid = {escaped}::pg_catalog.regclass AND a.attname = {literal(old)} AND NOT a.attisdropped;
  FOR granted IN SELECT * FROM pg_catalog.aclexplode(found.attacl) LOOP
    EXECUTE pg_catalog.concat('GRANT ', granted.privilege_type, ' (', {column}, ') ON ', {escaped}, ' TO ',
      CASE granted.grantee WHEN 0 THEN 'PUBLIC'
           ELSE (SELECT pg_catalog.quote_ident(r.rolname) FROM pg_catalog.pg_roles r WHERE r.oid = granted.grantee) END,
      CASE WHEN granted.is_grantable THEN ' WITH GRANT OPTION' END);
  END LOOP;
  IF found.target >= 0 THEN
    EXECUTE pg_catalog.concat('ALTER TABLE ', {escaped}, ' ALTER COLUMN ', {column}, ' SET STATISTICS ', found.target);
  END IF;
  IF found.options <> '' THEN
    EXECUTE pg_catalog.concat('ALTER TABLE ', {escaped}, ' ALTER COLUMN ', {column}, ' SET (', found.options, ')');
  END IF;
END"""
    return f"DO {literal(body)}"
