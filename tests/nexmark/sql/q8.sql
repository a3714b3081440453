SELECT json_object('id', p.id, 'name', p.name, 'starttime', p.dateTime / 10000 * 10000)
FROM person p
WHERE EXISTS (SELECT 1 FROM auction a
  WHERE a.seller = p.id AND a.dateTime / 10000 = p.dateTime / 10000);
