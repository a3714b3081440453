SELECT json_object('name', p.name, 'city', p.city, 'state', p.state, 'id', a.id)
FROM auction a JOIN person p ON a.seller = p.id
WHERE a.category = 10 AND p.state IN ('OR', 'ID', 'CA');
