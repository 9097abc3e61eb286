" Vim: which files are services.ini of usherd, see services.ini(5).
autocmd BufRead,BufNewFile services.ini,*/usherd/*.ini,*/usherd/services.d/*.ini set filetype=usherd
