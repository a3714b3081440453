-- attack: 15-23 what is not there
-- expect: absent
return (load or io or debug or package or dofile or string.dump or os.exit or os.execute)
  or error 'absent'
