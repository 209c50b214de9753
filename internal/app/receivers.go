package app

import (
	"github.com/telltale-dev/telltale/internal/config"
	"github.com/telltale-dev/telltale/internal/notifier"
	"github.com/telltale-dev/telltale/internal/notifier/routing"
)

// whoIsTold gives the notifier the configured routes and receivers. It connects
// to nothing. The configuration is valid, so that an error says what only this
// machine knows.
func whoIsTold(o *notifier.Options, cfg *config.Config) error {
	var err error
	if o.Tree, err = routing.New(cfg.Notifier.Routing()); err != nil {
		return err
	}
	o.Receivers = make(map[string][]notifier.Endpoint, len(cfg.Notifier.Receivers))
	for i := range cfg.Notifier.Receivers {
		r := &cfg.Notifier.Receivers[i]
		endpoints, err := r.Endpoints(cfg.Server.PublicURL)
		if err != nil {
			return err
		}
		for _, e := range endpoints {
			o.Receivers[r.Name] = append(o.Receivers[r.Name], notifier.Endpoint{Name: e.Name, To: e.To, OnlyFiring: e.OnlyFiring})
		}
	}
	return nil
}
