package config

import "path/filepath"

// resolve makes the paths of the file absolute or relative to the process, where they are relative to
// the folder of the configuration file.
func (f *File) resolve(folder string) {
	beside := func(paths ...*string) {
		for _, path := range paths {
			if *path != "" && !filepath.IsAbs(*path) {
				*path = filepath.Join(folder, *path)
			}
		}
	}
	beside(&f.Data, &f.Anchor.File)
	if f.TLS != nil {
		beside(&f.TLS.Certificate, &f.TLS.Key)
	}
	for name, server := range f.Servers {
		beside(&server.CA, &server.KillPasswordFile)
		f.Servers[name] = server
	}
	for _, service := range f.Services {
		if t := service.TLS; t != nil {
			beside(&t.Certificate, &t.Key, &t.ClientCA)
		}
	}
}
