"""How exports run and what becomes of them: dispatch, execution, files, maintenance, runners."""
