package cesdk_test

import (
	"fmt"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/events/cesdk"
)

// A program that has the SDK says that a deployment has ended. What From returns
// and Validate accepts, POST /v1/events accepts as well.
func ExampleFrom() {
	ce := event.New()
	ce.SetID("build-4711-deployed") // the same again is a duplicate, not a second event
	ce.SetSource("/jenkins/shop/checkout")
	ce.SetType(events.TypeReported)
	ce.SetSubject("prod/eu-west-1/checkout/2.14.0") // <env>/<region>/<component>/<deployment>
	ce.SetTime(time.Date(2026, time.November, 20, 10, 15, 0, 0, time.UTC))
	data := events.Reported{Status: "deployed", Version: "2.14.0"}
	if err := ce.SetData(event.ApplicationJSON, data); err != nil {
		fmt.Println(err)
		return
	}

	e, err := cesdk.From(ce)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := e.Validate(); err != nil {
		fmt.Println(err)
		return
	}
	key, err := events.ParseKey(e.Subject)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(key.Component, key.Deployment, string(e.Data))
	// Output: checkout 2.14.0 {"status":"deployed","version":"2.14.0"}
}
